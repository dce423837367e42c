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
# # 09 Spiking networks that learn
#
# **How do gradients pass a spike?** Everything that deep learning does rests on slopes. A spike has none: it is there
# or it is not. Yet networks of spiking units can be trained, and then we can record them as we record a brain, and
# count what their spikes would cost.
#
# You need to know what a gradient is; notebook 00 helps.

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
# A neuron adds up what it receives, forgets it over some ten milliseconds, and fires when the sum reaches a
# threshold. As a function of the sum the output is a step: its slope is zero almost everywhere and infinite at one
# point, so that no error finds its way back through it. For decades spiking networks were therefore trained by
# halves: with fixed random weights and a trained read-out, or by converting a trained network of rates.
#
# Then several groups made the same small cheat. Forwards, let the unit spike. Backwards, pretend that its output had
# been a smooth function of its membrane, and use the slope of that: a **surrogate gradient**. It is not the gradient
# of anything that the network computes, and it works. Zenke and Ganguli's *SuperSpike* went one step further and
# wrote the result as a rule that a synapse could follow: what the sender did, times how near the receiver was to its
# threshold, times an error signal from outside. Three factors, as in the rules of notebook 07.
#
# Why bother? Because brains do it, on twenty watts. Whether spikes *themselves* are what saves the energy is a
# question one can count, and we shall.
#
# Readings
#
# - Zenke & Ganguli 2018, SuperSpike, learning in multilayer spiking networks: 10.1162/neco_a_01086
# - Neftci, Mostafa & Zenke 2019, surrogate gradients explained: arXiv:1901.09948
# - Bellec et al. 2020, learning in recurrent networks of spiking neurons: 10.1038/s41467-020-17236-y
# - Horowitz 2014, what an operation costs in silicon: 10.1109/ISSCC.2014.6757323
# - Davies et al. 2021, what neuromorphic chips have been good for so far: 10.1109/JPROC.2021.3067593

# %% [markdown]
# ## The data: a network that learnt to read
#
# Sixty-four inputs, one for each pixel of a handwritten digit: the brighter the pixel, the earlier its one spike.
# They drive sixty-four hidden units, and those drive ten that never fire, one for each digit. It learnt on some
# digits and is recorded while it reads others. We have it before learning as well.
#
# `session` is a recording like any other; put another name in its line to look at a brain with the same code.

# %%
import numpy as np

import neurodata4ml as nd
from neurodata4ml.course.figures import learning_spikes as figures
from neurodata4ml.course.grading import check
from neurodata4ml.systems import superspike
from neurodata4ml.systems.pattern_learning import frozen_noise, learn_pattern
from neurodata4ml.systems.spiking_digits import digits, energy, latencies, operations, train_dense, train_spiking
from neurodata4ml.systems.spiking_layers import forward

session = nd.open_session("superspike")
_ = nd.plot(session, start=float(session.start_time[0]), seconds=0.5)

# %% [markdown]
# Five digits. The inputs fire once at most, in a wave from bright to dark; hidden units fire when enough has come
# together.
#
# ## Part 1 – A step has no slope

# %%
_ = figures.no_slope()

# %% [markdown]
# ### Task 1A
#
# SuperSpike's surrogate for the derivative of a spike with respect to the membrane potential $U$, with a threshold of
# one, is
#
# $$\sigma'(U) = \frac{1}{(1 + \beta\,|U - 1|)^2}$$
#
# Write it as a function of an array `potential` and the number `beta`.


# %%
### BEGIN SOLUTION
def slope(potential, beta):
    return 1 / (1 + beta * np.abs(potential - 1)) ** 2


### END SOLUTION

# %%
check("09-1A", slope)

# %% [markdown]
# ## Part 2 – One unit learns when to fire
#
# A hundred inputs fire at random, in the same way in every epoch. One unit should fire at four given times. At first
# it is silent: without the surrogate it would never hear of its error.

# %%
target = np.array([0.1, 0.2, 0.3, 0.4])
learnt = learn_pattern(frozen_noise(seed=0), target, seed=0)
_ = figures.pattern_learnt(learnt, target)

# %% [markdown]
# The distance on the right is van Rossum's: each spike becomes a pulse that decays, and the squared difference of
# both trains is added up. A missing spike costs one half.
#
# ### Task 2A
#
# By which share did the distance fall, from the first epoch to the mean of the last twenty?

# %%
### BEGIN SOLUTION
fallen = 1 - learnt.distance[-20:].mean() / learnt.distance[0]
### END SOLUTION

# %%
check("09-2A", fallen, learnt=learnt)

# %% [markdown]
# ## Part 3 – A network, recorded
#
# The larger network learnt by the same trick, through time and through a hidden layer. Analyse it as if we had put
# electrodes into it. How well can the digit be read from the number of spikes of its inputs, and of its hidden units?

# %%
before = nd.open_simulation(superspike.record(trained=False))
counts = nd.bin_spikes(session, window=(0, 0.06), bin_width=0.06).sum("time")
counts_before = nd.bin_spikes(before, window=(0, 0.06), bin_width=0.06).sum("time")
is_hidden = (counts.area == "hidden").values
trained, untrained = counts.isel(unit=is_hidden), counts_before.isel(unit=is_hidden)
print(f"spikes per digit: {float(trained.sum('unit').mean()):.0f} after learning")
print(f"the network's own answers: {float(session.is_right.mean()):.0%} right")

# %% [markdown]
# ### Task 3A
#
# How much of what can be read from the hidden units is owed to learning? Give the score of `nd.decode(x,
# n_shuffles=0)` for `trained`, less that for `untrained`.

# %%
### BEGIN SOLUTION
owed = nd.decode(trained, n_shuffles=0).score - nd.decode(untrained, n_shuffles=0).score
### END SOLUTION

# %%
check("09-3A", owed, trained=trained, untrained=untrained)

# %% [markdown]
# A layer of random weights is no empty layer. And the inputs?

# %%
scores = {}
for name, x in {
    "inputs": counts.isel(unit=~is_hidden),
    "hidden, untrained": untrained,
    "hidden, trained": trained,
}.items():
    found = nd.decode(x, n_shuffles=0)
    scores[name] = tuple(float(found[part]) for part in ("score", "low", "high"))
_ = figures.read_out(scores, chance=0.1)

# %% [markdown]
# Which digits does each population keep apart? Look at the arrangement of the squares, and at the scale of their
# colours: learning moved digits apart, and kept much of how they lay before.

# %%
rdms = {name: nd.rdm(nd.average_by(x)) for name, x in {"untrained": untrained, "trained": trained}.items()}
_ = nd.plot(rdms)

# %% [markdown]
# ## Part 4 – What does a spike cost?
#
# A dense network multiplies and adds each of its weights once for every answer. A spiking one adds a weight when a
# spike arrives, and does nothing where there is silence. So much for the slogan. But it also takes time, and in each
# step of it every current and every membrane decays, which is a multiplication.

# %%
known = digits()
x = latencies(known.test)
networks = {"spiking": train_spiking(), "spiking, spikes cost": train_spiking(calm=0.002)}
counted = {name: operations(x, forward(x, its.weights), its.weights) for name, its in networks.items()}
energies = {name: energy(its) for name, its in counted.items()}
reached = {**{name: its.accuracy for name, its in networks.items()}, "dense twin": train_dense().accuracy}
_ = figures.costs(energies, reached)
for name, its in counted.items():
    print(f"{name}: {its['hidden_spikes']:.0f} hidden spikes, {its['synaptic_operations']:,.0f} additions per digit")

# %% [markdown]
# ### Task 4A
#
# Divide the energy of one answer of `"spiking"`, leaks included, by that of the dense twin.

# %%
### BEGIN SOLUTION
ratio = energies["spiking"]["spikes_and_leaks"] / energies["spiking"]["dense"]
### END SOLUTION

# %%
check("09-4A", ratio, energies=energies["spiking"])

# %% [markdown]
# ## What could fool us
#
# *The task.* A network that reads digits is impressive until one asks a linear decoder to read them from the pixels.
# The control for every claim that a network learnt a representation is what its inputs, and its untrained twin, would
# give:

# %%
for name, (score, low, high) in scores.items():
    print(f"{name}: {score:.2f} ({low:.2f} to {high:.2f})")

# %% [markdown]
# *The count.* Which operations are counted decides who wins. Leave out the leaks, and spikes win; put in memory,
# which often costs more than arithmetic, and it depends on where the weights lie. Here is the same network with leaks
# that cost nothing, as in an analogue chip, and with leaks in digital logic:

# %%
for name, which in (("leaks for free", "spikes"), ("leaks paid for", "spikes_and_leaks")):
    print(f"{name}: {energies['spiking'][which] / energies['spiking']['dense']:.2f} of the dense twin's energy")

# %% [markdown]
# ## What nobody knows
#
# Whether a brain does anything like this. Surrogate gradients through time need to run time backwards; the online
# form needs an error for each neuron, delivered with the right sign. Candidates exist, in dendrites and in dopamine,
# and none is established. And what spikes are *for*, other than to travel far through a noisy wire, is still
# disputed: for energy, for timing, for sampling, or by accident.
#
# ## A task for a group, for a week
#
# Find a task on which the spiking network beats its dense twin in energy at equal accuracy, with the leaks paid for:
# few spikes, few steps, inputs that come as events. `train_spiking(calm=...)` trades accuracy for silence. Draw the
# curve of accuracy against energy for both networks, and say which assumption your result depends on most.
