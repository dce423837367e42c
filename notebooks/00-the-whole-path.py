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
# # 00 The whole path: from a recording to a network
#
# **What does the toolkit do?** We look at handwritten digits and know at once which digit each one is, however it is
# written. Somewhere between the eye and that knowledge, a picture made of dots becomes a *digit*. Where? And does a
# network that learnt to read digits take the same way?
#
# You need Python and the wish to know; no neuroscience. The notebook walks the whole path once, in twenty lines of
# code, and leaves you four tasks on the way.

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
# A neuron tells others what it has to say in **spikes**: all-or-nothing pulses of a millisecond. Record a few hundred
# neurons while an animal looks at pictures, and you have what a machine learner would call a design matrix with
# strange columns: one row per picture shown (a **trial**), one column per neuron (a **unit**), in each cell a small
# whole number of spikes. The same picture shown twice gives different numbers, so every answer needs an interval.
#
# The visual system of mammals is a chain of areas. Early ones answer to edges at one place; late ones answer to things,
# wherever they are. In 2014 it was found that deep networks trained only to name objects come to resemble that chain,
# layer by layer, without ever having seen a neuron. How much of this is learning, and how much is what any stack of
# filters would do, is argued about to this day; the notebooks that follow give you the tools to take part.
#
# Readings
#
# - Yamins et al. 2014, networks that name objects predict late visual areas: 10.1073/pnas.1403112111
# - Kriegeskorte, Mur & Bandettini 2008, how to compare geometries: 10.3389/neuro.06.004.2008
# - Siegle et al. 2021, the survey of the mouse's visual areas that the demo imitates: 10.1038/s41586-020-03171-x
# - Saxe, Nelli & Summerfield 2021, what the comparison can and cannot show: 10.1038/s41583-020-00395-8

# %% [markdown]
# ## The data: the whole system
#
# A **session** is one recording, opened as one labelled set of arrays: its `unit`s (neurons), its `trial`s (one picture
# shown once), and when each spike was fired. Nothing large has been read yet: that happens when a number is asked for.
#
# `demo` needs no download: it is simulated, so that at the end we can look up the truth. The "animal" saw handwritten
# digits, four a second, and ran on a wheel when it liked. For a real brain change one word, `"demo"`, into another name
# that `neurodata4ml list` shows, such as `"guo-alm"`, the smallest, or `"allen-vc"`. Few recordings carry the pictures
# that were shown; for those that do not, the path ends before the network.

# %%
import neurodata4ml as nd
from neurodata4ml.course.grading import check

session = nd.open_session("demo")
session

# %% [markdown]
# ## Part 1 – What two areas did
#
# Count the spikes of every unit in bins of 10 ms, from the moment a picture appears: an array `(trial, time, unit)`.
# Its mean over trials and units, with the interval that other trials would leave it in, shows that one area answers
# first. Is it nearer to the eye? `plot` takes any result and draws the figure that belongs to it.

# %%
counts = nd.bin_spikes(session)
area = "area" if "area" in counts.coords else "unit"  # where no area is known, each unit stands for itself
_ = nd.plot(counts)

# %% [markdown]
# ### Task 1A
#
# How often do units fire? Find the mean firing rate of each area in Hz (spikes per second and unit), as numbers by
# area. `counts` holds spikes per bin; `counts.attrs["bin_width"]` is the bin's length in seconds.

# %%
### BEGIN SOLUTION
rates = nd.firing_rate(counts).mean("trial").groupby(area).mean()
### END SOLUTION

# %%
check("00-1A", rates, counts=counts)

# %% [markdown]
# ### What each area tells apart
#
# Can one read off which picture was shown, from single trials that the decoder has not seen? Chance is measured, by
# shuffling the labels, and not assumed.

# %%
areas = dict(nd.firing_rate(counts).groupby(area))
for name, x in areas.items():
    found = nd.decode(x, n_shuffles=20)
    print(f"{name}: {found.score:.0%} of trials named rightly, {found.chance:.0%} by chance")

# %% [markdown]
# ## Part 2 – How each area arranges the pictures
#
# The late area names fewer pictures. Does it know less? Ask not *whether* an area tells two pictures apart, but *how
# far*: the matrix of all these distances (RDM) is the geometry of what it knows. The pictures stand in the order of
# their digit, so each digit is a square on the diagonal. In the late area all ten are dark: pictures of one digit have
# become nearly the same, however they are written.

# %%
_ = nd.plot({name: nd.rdm(nd.average_by(x)) for name, x in areas.items()})

# %% [markdown]
# ### Task 2A
#
# Put a number on it. In an RDM, divide the mean distance between two pictures of *different* digits by the mean
# distance between two *different* pictures of *one* digit: 1 where digits mean nothing to an area, larger where it
# knows them. Find the ratio of the area that knows digits best. Picture number `k` shows the digit `k // 10`.

# %%
### BEGIN SOLUTION
import numpy as np

digit = np.arange(100) // 10
same = digit[:, None] == digit
apart = ~np.eye(100, dtype=bool)
ratio = max((d := nd.rdm(nd.average_by(x)).values)[~same].mean() / d[same & apart].mean() for x in areas.values())
### END SOLUTION

# %%
check("00-2A", ratio, areas=areas)

# %% [markdown]
# ## Part 3 – A network sees the same pictures
#
# A small convolutional network that learnt to read *other* digits. Each of its layers is an array
# `(stimulus, feature)`: the same kind of thing as the mean responses of an area, so the two can be compared. Similarity
# is 1 where the geometry is the same and 0 for unrelated data; the noise of single trials is corrected for. A dot is
# filled where no other layer is more similar beyond doubt.

# %%
shared = images = None  # where no pictures are known
if "images" in session.attrs:
    images = nd.stimulus_images(session)
    _ = nd.plot(images[::10])
    shared = nd.compare(areas, layers := nd.activations(nd.load_model("digits"), images))
    _ = nd.plot(shared)

# %% [markdown]
# ### Task 3A
#
# Which layer shares most of its geometry with the early area, and which with the late one? Answer with a list of two
# names, the early area's first. The names are in `shared.y`.

# %%
### BEGIN SOLUTION
nearest = [str(shared.similarity.sel(x=name).idxmax("y").item()) for name in ("early", "late")]
### END SOLUTION

# %%
check("00-3A", nearest, shared=shared)

# %% [markdown]
# ## What could fool us
#
# In a real brain nobody could say whether this is true. This one was made: the early area from the network's first
# stage, together with filters for edges, the late one from its penultimate stage. The geometry found them, and each
# interval from `low` to `high` can be held against the `truth`: the same comparison on responses without noise.

# %%
if "simulated" in session.attrs:
    shared["truth"] = nd.compare(dict(nd.truth(session).mean_response.groupby(session.area)), layers).similarity
    print(shared[["similarity", "low", "high", "truth"]].to_dataframe().round(3))

# %% [markdown]
# What it does *not* say: that this brain computes as the network does. Similarity depends on these pictures, these
# units and this metric. Before you believe a number, see what a network reaches that never learnt anything: the same
# layers with random weights.
#
# ### Task 3B
#
# How much of the late area's similarity to `penultimate` is owed to learning? Compare the late area with the layers of
# `"digits-untrained"`, the same network before it learnt, and give the difference, trained minus untrained, in the
# similarity of `penultimate`.

# %%
### BEGIN SOLUTION
twin = nd.compare(areas, nd.activations(nd.load_model("digits-untrained"), images))
learnt = (shared.similarity - twin.similarity).sel(x="late", y="penultimate")
### END SOLUTION

# %%
check("00-3B", learnt, areas=areas, images=images)

# %% [markdown]
# ## What nobody knows
#
# Whether a brain and a network that arrange pictures alike do so for the same reason. Two systems can share a geometry
# and compute by different means; and most networks, trained on anything, share much of it. What kind of experiment
# could tell a shared solution from a shared constraint?
#
# ## A task for a group, for a week
#
# Choose a dataset of `nd.list_datasets()` that carries its pictures. Before you look, write down which area should
# resemble which layer, and what result would prove you wrong. Then run `neurodata4ml study init NAME`, edit the file,
# and hand in the page that `neurodata4ml report study.toml` makes, with half a page on what it does not show.
