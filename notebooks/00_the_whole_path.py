# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The whole path: from a recording to a network
#
# We look at handwritten digits and know at once which digit each one is, however it is written. Somewhere between the
# eye and that knowledge, a picture made of dots becomes a *digit*. Where? And does a network that learnt to read
# digits take the same way?
#
# This notebook walks the whole path once, in twenty lines of code. It needs no download: the recording `demo` is
# simulated, so that at the end we can look up the truth. For a real brain change one word, `"demo"`, into another name
# that `neurodata4ml list` shows, such as `"guo-alm"` (0.6 MB). Few recordings carry the pictures that were shown; for
# those that do not, the path ends before the network.

# %% tags=["setup"]
# On Colab this installs neurodata4ml; anywhere else it does nothing.
import sys

if "google.colab" in sys.modules:
    import subprocess

    repository = input("Address of the repository, as you would clone it: ")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", f"neurodata4ml @ git+{repository}"], check=True)

# %% [markdown]
# ## The whole system
#
# A **session** is one recording, opened as one labelled set of arrays: its `unit`s (neurons), its `trial`s (one picture
# shown once), and when each spike was fired. Nothing large has been read yet: that happens when a number is asked for.

# %%
import neurodata4ml as nd

session = nd.open_session("demo")
session

# %% [markdown]
# ## What two areas did
#
# Count the spikes of every unit in bins of 10 ms, from the moment a picture appears: an array `(trial, time, unit)`.
# Its mean over trials and units, with the interval that other trials would leave it in, shows that one area answers
# first. Is it nearer to the eye? `plot` takes any result and draws the figure that belongs to it.

# %%
counts = nd.bin_spikes(session)
area = "area" if "area" in counts.coords else "unit"  # where no area is known, each unit stands for itself
_ = nd.plot(counts)

# %% [markdown]
# ## What each area tells apart
#
# Can one read off which picture was shown, from single trials that the decoder has not seen? Chance is measured, by
# shuffling the labels, and not assumed.

# %%
areas = dict(nd.firing_rate(counts).groupby(area))
for name, x in areas.items():
    found = nd.decode(x, n_shuffles=20)
    print(f"{name}: {found.score:.0%} of trials named rightly, {found.chance:.0%} by chance")

# %% [markdown]
# ## How each area arranges the pictures
#
# The late area names fewer pictures. Does it know less? Ask not *whether* an area tells two pictures apart, but *how
# far*: the matrix of all these distances (RDM) is the geometry of what it knows. The pictures stand in the order of
# their digit, so each digit is a square on the diagonal. In the late area all ten are dark: pictures of one digit have
# become nearly the same, however they are written.

# %%
_ = nd.plot({name: nd.rdm(nd.average_by(x)) for name, x in areas.items()})

# %% [markdown]
# ## A network sees the same pictures
#
# A small convolutional network that learnt to read *other* digits. Each of its layers is an array
# `(stimulus, feature)`: the same kind of thing as the mean responses of an area, so the two can be compared. Similarity
# is 1 where the geometry is the same and 0 for unrelated data; the noise of single trials is corrected for. A dot is
# filled where no other layer is more similar beyond doubt.

# %%
if "images" in session.attrs:
    images = nd.stimulus_images(session)
    _ = nd.plot(images[::10])
    shared = nd.compare(areas, layers := nd.activations(nd.load_model("digits"), images))
    _ = nd.plot(shared)

# %% [markdown]
# ## Is it true?
#
# In a real brain nobody could say. This one was made: the early area from the network's first stage, together with
# filters for edges, the late one from its penultimate stage. The geometry found them, and each interval from `low` to
# `high` can be held against the `truth`: the same comparison on responses without noise.
#
# What it does *not* say: that this brain computes as the network does. Similarity depends on these pictures, these
# units and this metric. Before you believe a number, see what pixels alone and an untrained network reach:
# `neurodata4ml report demo` shows them.

# %%
if "simulated" in session.attrs:
    shared["truth"] = nd.compare(dict(nd.truth(session).mean_response.groupby(session.area)), layers).similarity
    print(shared[["similarity", "low", "high", "truth"]].to_dataframe().round(3))
