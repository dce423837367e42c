# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: neuro4ml
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 From spikes to mechanism
#
# **What is a neuron doing?** Most of this course looks at many neurons at once. Here we look at one: what makes it
# fire, how regular it is, what a spike of it tells, and what that costs.
#
# You need a little calculus; notebook 00 helps.

# %% tags=["setup"]
# On Colab this installs neurodata4ml; anywhere else it does nothing.
import sys

if "google.colab" in sys.modules:
    import subprocess

    source = "neurodata4ml[latents] @ git+https://github.com/neuro4ml/neurodata4ml"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %% [markdown]
# ## Background
#
# The membrane of a neuron holds charge and leaks it. Current from other neurons fills it; when it is full enough, a
# spike goes out and the charge is gone. This much was written down in 1907, by Lapicque, before anybody had seen a
# spike: the **leaky integrate-and-fire** unit. Hodgkin and Huxley showed in 1952 what the spike is made of. The
# simple unit survived, since for a current that fluctuates it fires at nearly the right times.
#
# Is a neuron digital? Its spike is all or none. Is it analogue? Its times are real numbers, and everything before the
# spike is graded. Neither word fits, and one can ask a better question: how many *bits* does a spike train carry
# about what was shown, and what does the animal pay for a bit? Neurons are expensive. A human brain takes a fifth of
# the body's energy, most of it to drive ions back after spikes; the budget allows an average of about one spike per
# second for a cortical neuron. Whatever the code is, it must be frugal.
#
# Readings
#
# - Abbott 1999, Lapicque's introduction of the integrate-and-fire neuron: 10.1016/S0361-9230(99)00161-6
# - Brunel & van Rossum 2007, a hundred years of it: 10.1007/s00422-007-0190-0
# - Panzeri & Treves 1996, the bias of information from few trials: 10.1088/0954-898X/7/1/006
# - Attwell & Laughlin 2001, an energy budget for signalling: 10.1097/00004647-200110000-00001
# - Gerstner & Naud 2009, how good are neuron models: 10.1126/science.1181936

# %% [markdown]
# ## The data: units that see a grating
#
# Thirty-two integrate-and-fire units, a fifth of them inhibitory, coupled at random, while a grating moves in one of
# eight directions. `session` holds their spikes; of four units the injected current was recorded too. The lines below
# take `"guo-alm"`, a mouse that decides where to lick, or `"allen-vc"`; there the current is not known.

# %% tags=["data"]
import neurodata4ml as nd

session = nd.open_session("lif")
counts = nd.bin_spikes(session, window=(0, 0.5), bin_width=0.5).isel(time=0)

# %%
import numpy as np

from neurodata4ml.course import riddles
from neurodata4ml.course.figures import mechanism as figures
from neurodata4ml.course.grading import check
from neurodata4ml.systems import lif
from neurodata4ml.systems.lif_fit import fit_lif
from neurodata4ml.systems.lif_theory import Neuron, interspike_interval, noisy_rate

print(f"{counts.sizes['trial']} trials of {counts.sizes['unit']} units")
print(f"{float(counts.mean()):.1f} spikes per trial and unit")

# %% [markdown]
# ## Part 1 – A leaky bucket
#
# With $V$ the membrane's potential from rest, $I$ the current and $R$ the resistance,
#
# $$\tau \frac{dV}{dt} = -V + R\,I(t)$$
#
# and when $V$ reaches the threshold there is a spike, $V$ is reset, and for a refractory period nothing happens.
#
# ### Task 1A
#
# Write one step: a function of `v`, `current`, `dt`, `tau` and `resistance` that gives the potential after `dt`, in
# SI units, without a spike.


# %%
### BEGIN SOLUTION
def step(v, current, dt, tau, resistance):
    return v + dt / tau * (-v + resistance * current)


### END SOLUTION

# %%
check("08-1A", step)

# %% [markdown]
# For a constant current the time to the next spike has a closed form. With a reset to rest it is the refractory
# period plus the time in which the membrane climbs from rest to the threshold $\theta$:
#
# $$T = t_{ref} + \tau \ln \frac{R I}{R I - \theta}$$

# %%
neuron = Neuron(tau=0.02, resistance=1e8, threshold=0.015, refractory=0.002)
currents = np.linspace(1e-10, 4e-10, 13)
simulated = [len(lif.simulate_lif(np.full(4000, current), neuron)[0][0]) / 2 for current in currents]
closed = 1 / interspike_interval(currents, neuron)
noisy = [noisy_rate(current, 0.003, neuron) for current in currents]
_ = figures.rate_of_current(currents, np.array(simulated), closed, np.array(noisy))

# %% [markdown]
# Noise rounds the corner: a noisy neuron answers to currents that are too weak for it.
#
# ### Task 1B
#
# Which time passes between two spikes of `neuron` under a current of `2e-10` A, in seconds?

# %%
### BEGIN SOLUTION
interval = 0.002 + 0.02 * np.log(1e8 * 2e-10 / (1e8 * 2e-10 - 0.015))
### END SOLUTION

# %%
check("08-1B", interval, neuron=neuron, current=2e-10)

# %% [markdown]
# ## Part 2 – Which unit was it?
#
# Somebody put an electrode into one cell and injected a current that fluctuates. From the current and the spikes
# alone, which unit was it? `fit_lif` looks for the one whose spikes are nearest to those recorded.
#
# ### Task 2A
#
# Find the time constant of the cell, in seconds.

# %%
current, voltage, spikes = riddles.patched_cell()
print(f"{len(spikes)} spikes in {len(current) * lif.STEP:.0f} s")

# %%
### BEGIN SOLUTION
tau = fit_lif(current, spikes).tau
### END SOLUTION

# %%
check("08-2A", tau)

# %%
fit = fit_lif(current, spikes)
_ = figures.patched(np.arange(len(current)) * lif.STEP, current, voltage, spikes, fit.spike_times)
print(f"time constant {1e3 * fit.tau:.1f} ms, rheobase {1e9 * fit.rheobase:.3f} nA, misfit {fit.distance:.2f}")

# %% [markdown]
# Voltage has no scale in a spike train, so that threshold and resistance cannot be told apart: only their ratio, the
# current that is just strong enough, the *rheobase*.
#
# ## Part 3 – How regular?
#
# Time to the next spike, and the spectrum: 1 everywhere is chance. A neuron that has just fired cannot fire again at
# once; that makes it regular, and shows as a trough at low frequencies.

# %%
if "spike_times" in session:
    intervals = nd.interspike_intervals(session)
    power = nd.power_spectrum(session, segment=0.5)
    _ = figures.irregular(intervals, power)

# %% [markdown]
# ### Task 3A
#
# While a stimulus is shown, how regular is each unit? Give the CV of every unit: the standard deviation of the
# intervals over their mean, of intervals that lie within trials (`start_time` to `stop_time`).

# %%
### BEGIN SOLUTION
shown = np.stack([session.start_time.values, session.stop_time.values], axis=1)
regularity = nd.interspike_intervals(session, stretches=shown).cv if "spike_times" in session else ...
### END SOLUTION

# %%
check("08-3A", regularity, session=session)

# %% [markdown]
# ## Part 4 – What does a spike tell, and what does it cost?
#
# The information between the number of spikes in a trial and the stimulus, in bits: by how much knowing the one
# narrows down the other. Counted from few trials it is too large.

# %%
told = nd.mutual_information(counts)
rate = counts.mean("trial") / 0.5
cost = nd.cost_per_bit(told.information, rate, duration=0.5, per_spike=7.1e8, at_rest=4.4e8)
_ = figures.worth(told, rate.values, cost.values)
print(f"all there is to know: {float(told.entropy):.2f} bits; a bit costs {float(cost.median()):.1e} ATP (median)")

# %% [markdown]
# ### Task 4A
#
# How much does one unit tell, on average over units, in bits per trial and with the bias of few trials taken out?

# %%
### BEGIN SOLUTION
bits = nd.mutual_information(counts).information.mean()
### END SOLUTION

# %%
check("08-4A", bits, counts=counts)

# %% [markdown]
# How well can spikes be told from the stimulus? Predict every count of the second half of the trials by the mean of
# the same stimulus in the first half, and measure the gain over the unit's mean rate in bits per spike.

# %%
half = counts.sizes["trial"] // 2
first, second = counts.isel(trial=slice(half)), counts.isel(trial=slice(half, None))
means = nd.average_by(first)
known = second.isel(trial=np.flatnonzero(second.stimulus.isin(means.stimulus.values).values))
predicted = known.copy(data=means.sel(stimulus=known.stimulus.values).values + 0.01)
gained = nd.bits_per_spike(known, predicted)
print(
    f"bits per spike: median {float(gained.median()):.2f}, from {float(gained.min()):.2f} to {float(gained.max()):.2f}"
)

# %% [markdown]
# ## What could fool us
#
# *Information where there is none.* Shuffle the stimuli among trials, so that nothing is told, and count again:

# %%
rng = np.random.default_rng(0)
shuffled = counts.assign_coords(stimulus=("trial", rng.permutation(counts.stimulus.values)))
nothing = nd.mutual_information(shuffled)
print(
    f"as counted: {float(nothing.plain.mean()):.3f} bits; bias taken out: {float(nothing.information.mean()):.3f} bits"
)

# %% [markdown]
# *A model that fits.* Take a unit of the network, which hears others too, and fit it by the injected current alone.
# The fit finds a unit, as fits always do. Its misfit says that it is not this one: half of the input is not in the
# model.

# %%
if "injected_current" in session:
    injected = np.repeat(session.injected_current.values[:15000, 0], 4)
    own = session.spike_times.values[session.spike_start.values[0] : session.spike_stop.values[0]]
    within = fit_lif(injected, own[own < 30])
    true = nd.truth(session).isel(unit=0)
    print(
        f"fitted rheobase {1e9 * within.rheobase:.3f} nA, true {1e9 * float(true.threshold / true.resistance):.3f} nA"
    )
    print(f"misfit {within.distance:.2f}, and {fit.distance:.2f} for the cell in the dish")

# %% [markdown]
# ## What nobody knows
#
# What a spike train means to the neuron that receives it. Information as we count it is what *we* could read, with
# the stimulus in hand; a neuron downstream has no such table. Whether precise times matter, or counts over some tens
# of milliseconds are all that is read, has been argued for thirty years and differs from place to place. And the
# costs are a budget, not a law: nobody knows how close to any optimum a cortex works.
#
# ## A task for a group, for a week
#
# Take a recording with spikes and stimuli. Bin the counts of a trial in one bin, in two, in five, in ten, and
# estimate the information of each word, bias taken out, until there are too few trials for the number of words. How
# much do times add to counts? Where does your estimate stop being one? Hand in the curve with both ends marked.
