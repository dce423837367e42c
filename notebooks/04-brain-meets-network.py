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
# # 04 Brain meets network: two systems, one set of pictures
#
# **Which layer shares its geometry with which area?** And how would we know that it is not the other layer, the
# pictures themselves, or our measure?
#
# You need notebook 00, and to know what a matrix of distances is. The notebook is about three numbers that look like
# discoveries and are none, and about an answer that is a set and not a winner.

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
# An animal that sees a hawk must flee, whether the hawk is near or far, in sun or in shade. The eye delivers none of
# this: the **retina** sends what changed, where, and how fast. In the retina a network has had its clearest success.
# McIntosh and colleagues fitted a convolutional network of three layers to the spikes of the retina's output neurons
# during natural scenes. It foretold them nearly as well as the cells' own variability allows. And it became a model of
# the inside: Maheswaranathan and colleagues found that its hidden units respond like interneurons which were recorded
# separately, and which the network had never been shown. The retina has three layers of cells, and so has the network:
# here one can ask which layer is which.
#
# In the cortex nobody knows how many layers to give a model, nor what to train it on. So one takes networks that were
# trained to name objects, and asks which of their layers is most like which area. For the monkey the answer is a
# ladder: early areas resemble early layers, late areas late ones. For the mouse, Shi, Shea-Brown and Buice compared
# the Allen Institute's survey with such networks, and found its areas in the deeper layers: rather side by side than
# one after the other, with the primary area somewhat lower. Conwell and colleagues took dozens of networks and two
# ways to measure, and found networks a better model of the mouse than had been thought. It is not settled.
#
# Readings
#
# - McIntosh et al. 2016, a network fitted to the retina: arXiv:1702.01825
# - Maheswaranathan et al. 2023, its hidden units are like the retina's interneurons: 10.1016/j.neuron.2023.06.007
# - Shi, Shea-Brown & Buice 2019, areas of the mouse beside layers of a network: arXiv:1911.07986
# - Conwell et al. 2021, the same with dozens of networks: 10.1101/2021.06.18.448431
# - Murphy, Zylberberg & Fyshe 2024, why CKA must be unbiased for brains: arXiv:2405.01012
# - Schütt et al. 2023, other stimuli and other subjects at once: 10.7554/eLife.82566

# %% [markdown]
# ## The data: pictures for an animal and for a network
#
# `demo` is simulated: an "animal" saw a hundred handwritten digits, twenty times each, while two areas of sixty units
# were recorded. What it should have shown we can look up at the end. For real mice that saw 118 natural scenes fifty
# times, change the first line to `nd.open_session("allen-vc"), "torchvision_resnet18"` (it needs torch, and some
# gigabytes are read).

# %%
import numpy as np

import neurodata4ml as nd
from neurodata4ml.course.figures import meets_network as figures
from neurodata4ml.course.grading import check
from neurodata4ml.systems import nothing

session, network = nd.open_session("demo"), "digits"
rates = nd.firing_rate(nd.bin_spikes(session, bin_width=0.05))
images = nd.stimulus_images(session)
areas = {name: x for name, x in rates.groupby("area") if x.sizes["unit"] >= 10}
early, late = ("early", "late") if "early" in areas else ("VISp", "VISam")
layers = nd.activations(network, images)
print({name: dict(x.sizes) for name, x in areas.items()})
print({name: dict(x.sizes) for name, x in layers.items()})

# %% [markdown]
# An area is trials by units, a layer is pictures by features. What the two have in common is the list of pictures, and
# no unit corresponds to any feature. So we do not compare units. We compare **geometries**: which pictures each side
# holds to be alike, and how far it keeps the others apart.
#
# ## Part 1 – How far apart are two pictures?
#
# The matrix of distances between all pairs of pictures (RDM), for an early and a late area, and for the first layer
# and the one before the last. Pictures stand in the order of their digit. Look for the squares on the diagonal: a
# side that has them knows digits.

# %%
first, deep = next(iter(layers)), list(layers)[-2]
squares = {name: nd.rdm(areas[name], distance="crossnobis") for name in (early, late)}
squares |= {name: nd.rdm(layers[name], distance="euclidean") for name in (first, deep)}
_ = nd.plot(squares)

# %% [markdown]
# The networks' distances are squared Euclidean ones. For the areas another name stands there, `crossnobis`. The next
# cell shows why. It takes a world in which there is nothing to find: units that answer all stimuli *alike*, plus the
# noise of trials. The true distance of any two stimuli is zero.

# %% tags=["trap-squared-distance"]
still = {k: nothing.equal_responses(n_repeats=k, n_units=100) for k in (2, 4, 8, 16, 32)}
means = {k: nd.rdm(nd.average_by(x), distance="euclidean") for k, x in still.items()}
for k, square in means.items():
    found = square.values[np.triu_indices(len(square), 1)].mean()
    print(f"{k:2d} repeats: mean squared distance {found:.3f}, foretold {2 / k:.3f}, in truth 0")

# %% [markdown]
# A mean of k trials keeps 1/k of their noise, and a difference of two means keeps two shares of it. Squared, it has no
# sign and cannot cancel. So the "distance" of two equal responses is two over the number of repeats, and an area that
# is noisier, or was recorded for a shorter time, seems to tell more apart.
#
# The cure: multiply the difference of two stimuli in one part of the trials with their difference *in another part*.
# The signal is in both, the noise is not.

# %%
honest = {k: nd.rdm(x, distance="crossnobis") for k, x in still.items()}
for k, square in honest.items():
    found = square.values[np.triu_indices(len(square), 1)].mean()
    print(f"{k:2d} repeats: mean crossnobis distance {found:+.4f}")
_ = figures.distances_by_repeats(means, honest)

# %% [markdown]
# About half of the crossnobis distances are below zero, and must be: a number whose mean is zero has both signs.
#
# ### Task 1A
#
# A colleague finds that the late area tells pictures less well apart the longer he looks:

# %%
for part in (10, 4, 1):
    some = areas[late].isel(trial=slice(areas[late].sizes["trial"] // part))
    square = nd.rdm(nd.average_by(some), distance="euclidean").values
    print(f"1/{part} of the trials: mean squared distance {square[np.triu_indices(len(square), 1)].mean():.1f} Hz²")

# %% [markdown]
# Write a function `mean_distance(trials)` for him: the mean squared distance over all pairs of different stimuli (as a
# mean over units), which comes to the same however often the stimuli were shown. `trials` has the dims
# `(trial, unit)` and the coordinates `stimulus` and `block`.


# %%
### BEGIN SOLUTION
def mean_distance(trials):
    square = nd.rdm(trials, distance="crossnobis").values
    return square[np.triu_indices(len(square), 1)].mean()


### END SOLUTION

# %%
check("04-1A", mean_distance)

# %% [markdown]
# ## Part 2 – One number for two geometries
#
# Two ways to put a number on it. **RSA** correlates the distances of all pairs on one side with those on the other,
# here by ranks. **CKA** takes the inner products of pictures where RSA takes their distances: it is the cosine between
# two matrices (picture, picture). Both are blind to what should not matter: to the order of the units, to a rotation
# of all of them, to one factor for all.
#
# CKA as it is often computed has a fault. Take again a world without anything to find, a layer and an area that are
# independent noise, in three sizes. Next to each value stands what a closed form foretells for unrelated data of `n`
# pictures, `p` features and `q` units: $\sqrt{pq / ((p + n)(q + n))}$.

# %% tags=["trap-biased-cka"]
sizes = [(118, 4096, 60), (50, 1000, 1000), (118, 512, 200)]
worlds = {size: nothing.unrelated(*size) for size in sizes}
for (n, p, q), (layer, area) in worlds.items():
    biased, foretold = nd.METRICS["cka"](layer, area), np.sqrt(p * q / ((p + n) * (q + n)))
    print(f"{n} pictures, {p} features, {q} units: biased CKA {biased:.3f}, foretold {foretold:.3f}, in truth 0")

# %% [markdown]
# With more features than pictures, every picture is far from every other in the same way, and all geometries look
# alike. The fault sits on the diagonal: each picture's product with itself is large on both sides. The **unbiased**
# estimate never reads the diagonal.

# %%
for (n, p, q), (layer, area) in worlds.items():
    print(f"{n} pictures, {p} features, {q} units: unbiased CKA {nd.METRICS['cka_unbiased'](layer, area):+.3f}")
widths = [16, 64, 256, 1024, 4096]
pairs = [nothing.unrelated(118, p, 60, seed=p) for p in widths]
found = {name: [nd.METRICS[name](*pair) for pair in pairs] for name in ("cka", "cka_unbiased")}
_ = figures.likeness_of_nothing(widths, found, np.array([nd.METRICS["cka"].null(118, p, 60) for p in widths]))

# %% [markdown]
# Read the figure as a warning: convolutional layers have many more features than the last ones, and by biased CKA wide
# layers win. `nd.METRICS["cka"].null` is the closed form; `compare` puts it beside every value as `null_value`.
#
# ### Task 2A
#
# More pictures help, too. For a layer of 4,096 features and an area of 60 units, how many pictures would an experiment
# have to show until biased CKA of unrelated data falls to 0.1? Give the number, and think about how long the animal
# would have to sit still.

# %%
n_features, n_units, at_most = 4096, 60, 0.1
print(f"the limit is {at_most}; with 118 pictures it is {nd.METRICS['cka'].null(118, n_features, n_units):.2f}")

# %%
### BEGIN SOLUTION
n = np.arange(1, 100_000)
null = np.sqrt(n_features * n_units / ((n_features + n) * (n_units + n)))
n_pictures = n[null <= at_most][0]
### END SOLUTION

# %%
check("04-2A", n_pictures, n_features=n_features, n_units=n_units, at_most=at_most)

# %% [markdown]
# ## Part 3 – Areas beside layers, and beside what needs no learning
#
# `brain_vs_network` compares every area with every layer, and with what a trained network must beat: the same network
# with random weights (its **untrained twin**), the **pixels**, and **Gabor energies**, the textbook model of early
# vision. The noise of single trials is taken out of CKA.

# %%
table = nd.brain_vs_network(areas, network, images=images, n_shuffles=199)
_ = nd.plot(table.sel(metric=["cka_unbiased"], area=[early, late]))

# %% [markdown]
# This is the figure of Shi and colleagues: similarity against the depth of the layer. The early area falls with depth
# and the late one rises until the layer before the last. Dashed is the twin, and it is not flat either: depth does
# something to a geometry before anything is learnt. The line on top is what a perfect model would reach *before* the
# noise is taken out; after that, it reaches one.
#
# RSA stands on another scale. Nothing was taken out there; instead there is a **noise ceiling**, which a perfect model
# would reach with trials as noisy as these. Where two metrics name different layers, one must say so.

# %%
for metric in table.metric.values:
    for area in (early, late):
        one = table.sel(metric=metric, area=area)
        best = one.sel(candidate=one.best.item())
        print(f"{metric}, {area}: {one.best.item()} {best.similarity:.2f} [{best.low:.2f}, {best.high:.2f}]")
rsa = table.sel(metric="rsa_rho_a").sel(area=[early, late])
share = (rsa.similarity.max("candidate") / rsa.ceiling).values
print(f"by RSA the best layers reach {share[0]:.0%} and {share[1]:.0%} of what a perfect model would")

# %% [markdown]
# ### The answer is a set
#
# Highest is not the same as best: another run of the experiment may put another layer first. `among_best` holds all
# candidates that cannot be told from the highest, by the interval *of the difference*. To see it at work, look at a
# poorer experiment: a third of the trials, and ten units of each area. `explain` says in words what may be said.

# %%
poor = {name: x.isel(trial=slice(x.sizes["trial"] // 3), unit=slice(10)) for name, x in areas.items()}
few = nd.brain_vs_network(poor, network, images=images, metrics="cka_unbiased", n_shuffles=0)
shown = few.isel(metric=0).sel(area=early)
columns = ["similarity", "low", "high", "among_best"]
print(shown[columns].to_dataframe()[columns].round(2))

# %%
text = nd.explain(few.sel(metric="cka_unbiased", area=[early]))
print(text[text.index("What it does not show") :])

# %% [markdown]
# ### Task 3A
#
# Many papers keep a candidate if its interval *overlaps* that of the highest. Which candidates would that rule keep in
# the early area, and wrongly, since the difference tells them from the highest? Answer with a list of names from
# `few.candidate`. Two intervals overlap where the one's `high` is not below the other's `low`. Why are differences
# surer than intervals?

# %%
### BEGIN SOLUTION
reaches = shown.high >= shown.low.sel(candidate=shown.best.item())
wrongly_kept = shown.candidate[reaches & ~shown.among_best].values
### END SOLUTION

# %%
check("04-3A", wrongly_kept, few=few, area=early)

# %% [markdown]
# ### Task 3B
#
# Back to the full experiment. In notebook 00 a layer was compared with the same layer of the twin. A stricter
# question: how far does the best *trained* layer of each area lie above the best of *all* candidates that were never
# trained? By `cka_unbiased`, one number for each area, in the order of `table.area`. `table.kind` says what each
# candidate is.

# %%
print(dict(zip(table.candidate.values.tolist(), table.kind.values.tolist(), strict=True)))

# %%
### BEGIN SOLUTION
by_cka = table.similarity.sel(metric="cka_unbiased")
is_trained = table.kind == "network"
learnt = by_cka.where(is_trained).max("candidate") - by_cka.where(~is_trained).max("candidate")
### END SOLUTION

# %%
check("04-3B", learnt, table=table)

# %% [markdown]
# ## Part 4 – Other pictures, other neurons
#
# The intervals so far speak of the same pictures and the same units, shown again. But nobody is interested in these
# hundred pictures. "Area and layer share a geometry" is a sentence about pictures like these, and about neurons like
# these. So pictures and units must be drawn as well.

# %%
asked = {"trials": "trial", "pictures": "stimulus", "pictures and units": ("stimulus", "unit")}
two = {name: areas[name] for name in (early, late)}
options = {"images": images, "metrics": "cka_unbiased", "n_shuffles": 0}
wider = {name: nd.brain_vs_network(two, network, over=over, **options) for name, over in asked.items()}
_ = figures.intervals(wider, early)

# %%
for name, found in wider.items():
    inside = found.isel(metric=0).sel(area=early).among_best
    print(f"over {name}: {', '.join(inside.candidate.values[inside.values])}")

# %% [markdown]
# The same estimates, three questions. Of *these* pictures and units we may say which layer it is. Of pictures and
# units of the kind, the set is larger: what we called the layer of the early area may be no more than the pictures.
#
# How are pictures drawn? A bootstrap draws as many as there are, with replacement, so some come twice. That is right
# for a mean. Here it is a trap. We draw the pictures of the unrelated layer and area, and compute unbiased CKA anew:

# %% tags=["trap-copies-in-bootstrap"]
layer, area = nothing.unrelated(n_stimuli=118, n_features=4096, n_units=60)
metric, rng = nd.METRICS["cka_unbiased"], np.random.default_rng(0)
copied = [metric(layer[drawn], area[drawn]) for drawn in rng.integers(0, 118, size=(300, 118))]
low, high = np.quantile(copied, [0.025, 0.975])
print(f"estimate {metric(layer, area):.3f}; bootstrap with copies {low:.2f} to {high:.2f}, in truth 0")

# %% [markdown]
# The interval does not even hold the estimate. A picture that was drawn twice is compared with its own copy: the same
# noise on both sides, so the copies are "alike" in the layer and "alike" in the area. It is the diagonal again, come
# in by the back door. To do it right, leave one picture out at a time (what `compare` does), or draw, and leave out
# the pairs of copies.

# %%
found = nd.compare(area, layer, over="stimulus", n_shuffles=0)
print(f"leaving one picture out: {found.similarity:.3f} [{found.low:.3f}, {found.high:.3f}]")
_ = figures.draws(copied, (found.low.item(), found.high.item()))

# %% [markdown]
# ### Task 4A
#
# Mend the bootstrap for RSA. Write a function `likeness(x, y, drawn)`: `x` and `y` are two RDMs (numpy, picture by
# picture), `drawn` the numbers of the pictures in one draw. It returns the Pearson correlation over the pairs of the
# draw, without pairs of copies. What a pair counts must follow from how often it was drawn.


# %%
### BEGIN SOLUTION
def likeness(x, y, drawn):
    i, j = np.triu_indices(len(drawn), 1)
    i, j = drawn[i], drawn[j]
    i, j = i[i != j], j[i != j]
    return np.corrcoef(x[i, j], y[i, j])[0, 1]


### END SOLUTION

# %%
check("04-4A", likeness)

# %% [markdown]
# ## What could fool us
#
# **The pictures.** Had we shown only the first twenty, which in `demo` are zeros and ones, we would have found this:

# %%
easy = rates.isel(trial=rates.stimulus.isin(images.stimulus[:20]).values)
easy = {name: x for name, x in easy.groupby("area") if name == late}
narrow = nd.brain_vs_network(easy, network, **{**options, "images": images[:20]})
_ = figures.two_sets_of_pictures(wider["trials"], narrow, late, ("all", "the first twenty"))
inside = narrow.isel(metric=0, area=0).among_best
pixels = narrow.similarity.sel(candidate="pixels").item()
print(f"with the first twenty, the pixels reach {pixels:.2f}; the set: {inside.candidate.values[inside.values]}")

# %% [markdown]
# Nearly everything resembles nearly everything, and the set grows: zeros differ from ones so much, in pixels, in random
# filters, in any area, that this one direction decides the number. A high similarity says as much about the pictures
# as about brain and network. The control is the row of candidates that cannot be right.
#
# **The number of units.** A sample of units has a geometry of its own. The same late area, by fewer and fewer of its
# units:

# %%
sample = {f"{n} units": areas[late].isel(unit=slice(n)) for n in (60, 30, 15)}
for name, one in nd.compare(sample, layers, n_shuffles=0).similarity.groupby("x"):
    print(f"{late}, {name}: {one.squeeze().to_series().round(2).to_dict()}")

# %% [markdown]
# It seems to become less like every layer. So an area with more units "shares more" with any network. `compare` takes
# `match_units=True`, and `brain_vs_network` gives `matched` where areas differ in size: only these may be compared
# across areas.
#
# **Would we have found out?** This brain was made, so we can look: the same table from responses without noise.

# %%
if "simulated" in session.attrs:
    true = dict(nd.truth(session).mean_response.groupby(session.area))
    without = nd.brain_vs_network(true, network, **options).similarity.isel(metric=0)
    ours = table.sel(metric="cka_unbiased")
    held = ((ours.low <= without) & (without <= ours.high)).sum().item()
    print(f"{held} of {without.size} intervals over trials hold the truth")
    print(f"nearest without noise: {without.idxmax('candidate').to_series().to_dict()}")

# %% [markdown]
# ## What nobody knows
#
# Whether a shared geometry means a shared computation. A network of three layers became a model of the retina's inside
# because its parts could be found there, one by one. For the cortex there is no such list of parts: a layer is matched
# to an area by its geometry alone, and geometries are shared for many reasons, of which the pictures are one. Why the
# areas of the mouse do not form a ladder beside these networks is open: the networks may be the wrong ones, the
# task of naming objects may not be the mouse's, or there may be no ladder.
#
# ## A task for a group, for a week
#
# Take `allen-vc`. Before you look, write down an order of the visual areas, the layer you expect for each, and what
# result would prove you wrong. Show the network the scenes as a mouse sees them (`Preprocessing`, in the documentation
# of networks: size in degrees, acuity). Then run `brain_vs_network` with `order=`, and report for each area the *set*,
# the distance to the strongest control, and the interval over pictures and units. Do you find the ladder? Does the
# untrained twin find it, too?
