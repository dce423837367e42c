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
# # 10 Structure and hierarchy
#
# **What do areas add?** Brains have areas, and drawings of brains have arrows between them. If areas are stages, a
# stimulus should reach them one after the other, each should keep it longer than the one before, and what they share
# should say who is joined to whom. We measure all three, and ask when an order is more than a row of numbers.
#
# You need notebook 00; notebook 02 helps.

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
# Anatomists ordered the visual areas of the monkey long before anybody recorded from many of them: fibres that go
# "up" end in other layers than those that go "down". Of the mouse the same has been done with its whole cortex and
# thalamus, and recordings from eight areas at once agree: further up, responses begin later, receptive fields are
# larger, and activity decays more slowly. The last finding came from the monkey, where it was found to hold between
# laboratories, tasks and areas: a sensory area forgets its own fluctuations within less than a tenth of a second, a
# prefrontal one within a third.
#
# A hierarchy is a strong word for that. Times say who comes first, not who drives whom; many fibres skip stages, and
# about as many go back as go forth. A connectome, all synapses of an animal, ought to settle it. For one animal, a
# worm, there has been one for forty years. It does not tell which neurons will be active together: that depends on
# what is not in it, such as the strength and the sign of a synapse, and the molecules that float past.
#
# Readings
#
# - Felleman & Van Essen 1991, the hierarchy of the monkey's visual areas: 10.1093/cercor/1.1.1
# - Siegle et al. 2021, eight areas of the mouse at once: 10.1038/s41586-020-03171-x
# - Murray et al. 2014, timescales from sensory to prefrontal areas: 10.1038/nn.3862
# - Zeraati, Engel & Levina 2022, why such timescales come out too short: 10.1038/s43588-022-00214-3
# - Cohen & Kohn 2011, what noise correlations mean, and what not: 10.1038/nn.2842
# - Atanas et al. 2023, activity of nearly all neurons of a worm that behaves: 10.1016/j.cell.2023.07.035

# %% [markdown]
# ## The data: six areas in a row
#
# A simulated animal looks at gray and, now and then, at one of eight pictures. Each of its six areas answers later,
# and fluctuates more slowly, than the one before; `truth` says by how much. The cell takes
# `nd.open_session("allen-vc", trials="flashes")` as well: then name the order of its areas, from `"LGd"` to
# `"VISam"`.

# %% tags=["data"]
import neurodata4ml as nd
from neurodata4ml.systems import areas

session = nd.open_simulation(areas.record())
order = list(areas.AREAS)

# %%
import numpy as np

from neurodata4ml.course.figures import structure as figures
from neurodata4ml.course.grading import check

counts = nd.bin_spikes(session, window=(-0.3, 0.3), bin_width=0.01)
simulated = session.attrs.get("simulated") == "yes"
truth = {}
if simulated:
    known = nd.truth(session)[["latency", "timescale"]].assign_coords(area=session.area)
    truth = known.groupby("area").first()
print(f"{counts.sizes['trial']} trials, {counts.sizes['unit']} units in {len(order)} areas")
_ = figures.onsets(counts.mean("trial").groupby("area").mean(), order)

# %% [markdown]
# ## Part 1 – When?
#
# The latency of a unit: the first two bins in a row in which it fires more than a rate as before the stimulus would
# make it, by an exact test. It can only be late: a bin is ten milliseconds, and a weak response takes a while to
# stand out.

# %%
latency = nd.response_latency(counts)
when = nd.along_areas(latency, order)
_ = figures.in_order(when, name="latency", truth=truth.get("latency"), title="When areas answer")
print(f"{int(np.isfinite(latency).sum())} of {latency.size} units answer")

# %% [markdown]
# ### Task 1A
#
# How long does the stimulus take for one step, from an area to the next? In seconds; use medians.

# %%
### BEGIN SOLUTION
first, last = (float(latency[(latency.area == area).values].median()) for area in (order[0], order[-1]))
step = (last - first) / (len(order) - 1)
### END SOLUTION

# %%
check("10-1A", step, latency=latency, order=order)

# %% [markdown]
# ## Part 2 – For how long?
#
# Before a stimulus nothing happens, and yet counts vary from trial to trial. If a unit fires more than usual now,
# for how long will it go on to do so? Correlate the counts of two bins over trials, for all pairs of bins, and plot
# the correlation against the time between them.

# %%
spontaneous = nd.bin_spikes(session, window=(-0.65, 0), bin_width=0.05)
memory = nd.intrinsic_timescale(spontaneous, per="area")
_ = figures.decays(memory, order)
for area in order:
    said = f", in truth {1e3 * float(truth['timescale'].sel(area=area)):.0f} ms" if simulated else ""
    print(f"{area}: {1e3 * float(memory.timescale.sel(area=area)):.0f} ms{said}")

# %% [markdown]
# ### Task 2A
#
# A perfect measurement of another area, without any noise: `correlation` at each `lag` (s). It never falls to zero,
# since something slower than the window is in it. What is its time constant?

# %%
lag = np.arange(1, 13) * 0.05
correlation = 0.2 * (np.exp(-lag / 0.14) + 0.4)

# %%
### BEGIN SOLUTION
drops = -np.diff(correlation)
tau = (lag[1] - lag[0]) / np.log(drops[0] / drops[1])
### END SOLUTION

# %%
check("10-2A", tau, lag=lag, correlation=correlation)

# %% [markdown]
# ## Part 3 – What do they share?
#
# Two units whose counts go up and down together, with the stimulus taken out, have a *noise correlation*. Common
# input makes it, or a synapse, or that the animal was awake for the first half. Here are all pairs.

# %%
evoked = counts.sel(time=slice(0, 0.3)).sum("time", keep_attrs=True)
pairs = nd.noise_correlations(evoked)
_ = figures.shared(pairs, order, title="Units of one area share their noise")

# %% [markdown]
# ### Task 3A
#
# By how much are noise correlations within areas larger than between areas? One number: the mean over pairs of units
# of the same area, less the mean over pairs of two areas.

# %%
### BEGIN SOLUTION
same = pairs.area == pairs.area2
excess = float(pairs.where(same).mean() - pairs.where(~same).mean())
### END SOLUTION

# %%
check("10-3A", excess, counts=evoked)

# %% [markdown]
# A noise correlation grows with the length of the window in which spikes are counted, and with the rate. So does any
# comparison of areas whose rates differ.

# %%
for stop in (0.05, 0.1, 0.2, 0.3):
    some = nd.noise_correlations(counts.sel(time=slice(0, stop)).sum("time", keep_attrs=True))
    within = float(some.where(some.area == some.area2).mean())
    print(f"counted for {1e3 * stop:.0f} ms: {within:.3f} within areas")

# %% [markdown]
# And the demo, whose two areas nobody made for this notebook. Its truth says how large noise correlations are on
# average, so we can ask whether we would have found out.

# %%
demo = nd.open_session("demo")
seen = nd.noise_correlations(nd.bin_spikes(demo, window=(0, 0.25), bin_width=0.25).squeeze("time", drop=True))
for area in ("early", "late"):
    measured = float(seen.where((seen.area == area) & (seen.area2 == area)).mean())
    expected = float(nd.truth(demo).noise_correlation.sel(area=area))
    print(f"demo, {area} area: {measured:.3f} measured, {expected:.3f} in truth")

# %% [markdown]
# ## Part 4 – Is there an order?
#
# Now the numbers of all areas, in the order that was named *before* looking. What is the chance that six areas come
# out like this? What is ordered is areas. So the sample is areas, and chance is any other order of them: there are
# 720, and `along_areas` goes through all.

# %%
by_unit = nd.intrinsic_timescale(spontaneous).timescale
long = nd.along_areas(by_unit, order)
_ = figures.in_order(long, name="timescale", truth=truth.get("timescale"), title="For how long areas remember")
for name, found in {"latency": when, "timescale": long}.items():
    print(f"{name}: rank correlation {float(found.correlation):.2f}, p {float(found.p_value):.3f}")
print(f"other orders: {found.sizes['shuffle']}")

# %% [markdown]
# ### Task 4A
#
# Another laboratory records from four areas, a thousand units in each, and finds them in perfect order. What is the
# smallest two-sided p it can report?

# %%
### BEGIN SOLUTION
smallest = 2 / (4 * 3 * 2)
### END SOLUTION

# %%
check("10-4A", smallest)

# %% [markdown]
# ## What could fool us
#
# **Units as a sample.** Another simulated animal: its areas have the same latencies and timescales, dealt to them by
# chance. Correlate the number of each unit with the place of its area, over all units: that is how it is often done.

# %%
from scipy.stats import spearmanr

other = nd.open_simulation(areas.record(ordered=False, n_repeats=20, seed=4))
unordered = nd.response_latency(nd.bin_spikes(other, window=(-0.3, 0.3), bin_width=0.01))
place = [order.index(area) for area in unordered.area.values]
told = spearmanr(unordered, place, nan_policy="omit")
print(f"over {unordered.size} units: correlation {told.statistic:.2f}, p {told.pvalue:.1g}")

# %%
honest = nd.along_areas(unordered, order)
_ = figures.other_orders(honest, title="Over areas: nothing unusual")
print(f"over {honest.sizes['area']} areas: correlation {float(honest.correlation):.2f}, p {float(honest.p_value):.2f}")

# %% [markdown]
# Areas do differ, beyond doubt; more units make that ever surer. That they differ *in this order* is another claim.
#
# **A window that is too short.** Slow fluctuations look fast to those who look briefly: in shorter
# windows the slowest area seems to forget sooner.

# %%
for start in (-0.65, -0.5, -0.4):
    part = nd.bin_spikes(session, window=(start, 0), bin_width=0.05)
    seen = float(nd.intrinsic_timescale(part, per="area").timescale.sel(area=order[-1]))
    print(f"in {-1e3 * start:.0f} ms: {1e3 * seen:.0f} ms")

# %% [markdown]
# ## What nobody knows
#
# Why there are areas at all. The borders are real, in cells and fibres; what a border is *for* is not known, nor
# whether the things that differ between areas are stages of one computation, or many computations side by side. In
# silico, networks without any areas do what ours do. And nobody can say what a timescale is made of: a membrane, a
# synapse, a loop within the area or one through half of the brain would all look like this.
#
# ## A task for a group, for a week
#
# `"celegans-atanas"` has the activity of nearly all neurons of worms that crawl about, many of them with names, and
# the worm's wiring has been published. Choose twenty neurons that are named in several worms. Are neurons that are
# joined by synapses more alike in their activity than others, with what the worm does taken out? Before you look:
# which pairs, which measure, and what would be chance, given that neurons of a kind share both wires and activity?
