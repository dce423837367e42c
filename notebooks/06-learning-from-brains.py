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
# # 06 Learning from brains
#
# **Does neural data make a classifier better?** Networks learn from labels: this is a seven. A brain that looks at
# the same picture says more: this is clearly a seven, that one hardly. We let a classifier listen, and ask of any
# gain whether it was the brain's.
#
# You need notebook 00, and to know what a support vector machine and a hinge loss are.

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
# Brains are robust where networks are not: they learn from few examples, and small changes of a picture do not turn
# a panda into a gibbon. So it is tempting to teach networks with recordings. In the first experiment of this kind,
# people looked at photographs in a scanner; a read-out of their visual cortex said how clearly each photograph was,
# say, of a person; and a classifier of image features was trained with a loss in which clear photographs counted
# more. It became better at photographs nobody had been scanned for. Later work made the geometry of a network like
# that of a mouse's or a monkey's cortex, and found it harder to fool.
#
# What did the brain bring? A weight for each picture is a small gift, and there are cheaper givers: a picture may be
# unclear to *anything* that looks at it. And a gain of two points over a few random splits is easily found in noise.
# The interesting part of such a study is its control experiments.
#
# Readings
#
# - Fong, Scheirer & Cox 2018, brain activity guides machine learning: 10.1038/s41598-018-23618-6
# - Li et al. 2019, learning from brains how to regularize machines: arXiv:1911.05072
# - Byrd & Lipton 2019, where weights of training samples have no effect: arXiv:1812.03372
# - Nadeau & Bengio 2003, comparing two learners on splits that overlap: 10.1023/A:1024068626366

# %% [markdown]
# ## The data: digits, and an area that sees them
#
# A hundred handwritten digits, ten of each, shown to a simulated visual system. The classifier sees pixels; the brain
# is the late area. Any recording of pictures will do, `"allen-vc"` too, once you have put a name to each of its
# scenes (an animal, a plant, a building) as the coordinate `kind` of the features.

# %% tags=["data"]
import neurodata4ml as nd

session = nd.open_session("demo")
rates = nd.firing_rate(nd.bin_spikes(session, window=(0, 0.25)))
brain = rates.isel(unit=(rates.area == "late").values)
images = nd.stimulus_images(session).load()
pixels = images.stack(feature=("y", "x")).reset_index("feature").drop_vars(["y", "x"]).astype(float)
features = pixels.assign_coords(kind=pixels.stimulus // 10)

# %%
import numpy as np
import xarray as xr

from neurodata4ml.course.figures import from_brains as figures
from neurodata4ml.course.grading import check

print(f"{features.sizes['stimulus']} pictures of {len(np.unique(features.kind))} kinds")
print(f"{features.sizes['feature']} features, {brain.sizes['unit']} units")

# %% [markdown]
# ## Part 1 – What the brain finds clear
#
# From the responses to *other* pictures a linear read-out learns the kinds. The probability `c` that it gives to the
# true kind of a picture says how clear that picture was to this brain. It becomes the weight of the picture in the
# loss of a support vector machine: `1 + strength * c`.

# %%
honest = nd.activity_weighted(features, brain, "kind")
weight = honest.weight.sel(weighting="activity")
_ = figures.clearest(images, weight)
print(f"weights from {float(weight.min()):.2f} to {float(weight.max()):.2f}, {float(weight.mean()):.2f} on average")

# %% [markdown]
# ### Task 1A
#
# In the source, weights were not scaled. But a loss in which everything counts twice is a loss with half the penalty:
# whoever compares it with equal weights compares two penalties. Write the weights so that only *who* counts changes:
# a function of `c` (an array) and `strength`, with a mean of one.


# %%
### BEGIN SOLUTION
def weights(c, strength):
    plain = 1 + strength * c
    return plain / plain.mean()


### END SOLUTION

# %%
check("06-1A", weights)

# %% [markdown]
# ## Part 2 – Does it help?
#
# The classifier is taught with the brain's weights and with four others, on the same random splits. `exchanged in
# classes`: the same weights on other pictures of the class. `from noise`: clarity read from noise that is as
# correlated over units as the responses. `from the features`: clarity read from the pixels themselves.

# %%
print(f"{float(honest.score.sel(weighting='activity').mean()):.1%} with the brain's weights")
for name in ("none", "shuffled", "noise", "own"):
    one = honest.sel(weighting=name)
    print(f"{figures.NAMES[name]}: {float(one.score.mean()):.1%}; gain {100 * float(one.gain):+.1f} points", end=" ")
    print(f"({100 * float(one.low):+.1f} to {100 * float(one.high):+.1f}), p {float(one.p_value):.2f}")

# %% [markdown]
# Nothing. And the intervals are wide: they know that all splits are made of the same hundred pictures.
#
# ### Task 2A
#
# A plain t-test takes the splits for independent experiments. The corrected one of Nadeau and Bengio gives the mean
# of `n` differences the variance `var * (1 / n + n_test / n_train)`. Write it: a function of the differences,
# `n_train` and `n_test` that gives a two-sided p, with `n - 1` degrees of freedom.


# %%
### BEGIN SOLUTION
def corrected_p(differences, n_train, n_test):
    from scipy.stats import t

    n = len(differences)
    error = np.sqrt(np.var(differences, ddof=1) * (1 / n + n_test / n_train))
    return 2 * t.sf(abs(np.mean(differences)) / error, n - 1)


### END SOLUTION

# %%
check("06-2A", corrected_p)

# %% [markdown]
# ### Task 2B
#
# Somebody shows you a large gain over equal weights. Which control asks whether a *brain* was needed: `"none"`,
# `"shuffled"`, `"noise"` or `"own"`?

# %%
### BEGIN SOLUTION
control = "own"
### END SOLUTION

# %%
check("06-2B", control)

# %% [markdown]
# ## Part 3 – A teacher who errs
#
# With true labels there is little that a brain could add. Now the teacher mistakes three of ten training pictures for
# another kind. The brain is not told; it looks. Its read-out gives a low probability to a seven that is called a one,
# and that picture counts less. Test labels stay true.

# %%
found = {}
for strength in (1, 6, 30):
    found[strength] = nd.activity_weighted(
        features, brain, "kind", strength=strength, mislabelled=0.3, penalty=0.1, n_splits=20
    )
scores = xr.concat([one.score.mean("split") for one in found.values()], dim=xr.Variable("strength", list(found)))
_ = figures.by_strength(scores, title="With a teacher who errs, the brain's weights help")

# %%
_ = figures.gains({"true labels": honest, "three of ten wrong": found[30]}, title="What the brain adds")
one = found[30].sel(weighting="own")
print(f"against the features' own clarity: {100 * float(one.gain):+.1f} points, p {float(one.p_value):.2f}")

# %% [markdown]
# Of the gain over equal weights, a good part needs no brain: pixels alone tell that a picture does not look like what
# it is called. Whether the rest is the brain's, this many pictures cannot say for sure.
#
# ### Task 3A
#
# At which strengths does it matter *which* picture of a class gets which weight, at a level of `0.05`? A list.

# %%
### BEGIN SOLUTION
matter = [s for s, one in found.items() if one.p_value.sel(weighting="shuffled") < 0.05]
### END SOLUTION

# %%
check("06-3A", matter, found=found)

# %% [markdown]
# ## What could fool us
#
# **Splits are not experiments.** Take the comparison with noise on true labels, where nothing was gained. A plain
# t-test takes each split of the same pictures for a new experiment, and finds something sooner or later.

# %%
from scipy.stats import ttest_1samp

many = nd.activity_weighted(features, brain, "kind", controls=["noise"], strength=10, n_splits=60)
gap = (many.score.sel(weighting="activity") - many.score.sel(weighting="noise")).values
for n in (10, 30, 60):
    print(f"{n} splits: gain {100 * gap[:n].mean():+.1f} points, plain p {ttest_1samp(gap[:n], 0).pvalue:.2g}")
print(f"corrected: p {float(many.p_value.sel(weighting='noise')):.2f}")

# %% [markdown]
# **Weights without effect.** Where a machine is so hard that it gets every training picture right, no loss is left
# to be weighted. Then any weights give the same classifier, and a study of them finds nothing, for another reason.

# %%
hard = nd.activity_weighted(features, brain, "kind", strength=10, penalty=10, n_splits=5)
same = bool((hard.score == hard.score.sel(weighting="none")).all())
print(f"all weightings give the same scores: {same}")

# %% [markdown]
# **Which brain?** The early area responds to the same pictures, and knows less about digits. Does the gain follow?

# %%
early = rates.isel(unit=(rates.area == "early").values)
other = nd.activity_weighted(
    features, early, "kind", strength=30, mislabelled=0.3, penalty=0.1, controls=["none", "own"], n_splits=20
)
for name, one in {"late": found[30], "early": other}.items():
    told = one.gain.sel(weighting="own")
    print(f"{name} area: {100 * float(told):+.1f} points against the features' own clarity")

# %% [markdown]
# ## What nobody knows
#
# Whether brains know anything about pictures that more pictures would not teach. Labels are cheap and recordings are
# dear; a thousand photographs cost less than an hour of scanning. Nobody knows what makes a brain robust: its
# architecture, its noise, its history of a lifetime of moving pictures, or that it has something to lose. If it is
# one of the last, then no recording will hand it on.
#
# ## A task for a group, for a week
#
# Take a network that you can train in minutes and a recording of images from the catalog. Add one term to its loss
# that a brain informs: weights, as here, or the distance of its geometry from the brain's (notebook 04). Decide
# *before* you train on one test (noisy pictures? few labels?), four controls and the number of runs; then report
# whatever comes out.
