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
# # 11 Open issues
#
# **What do we not know?** Three ideas of what a cortex might be doing, each clear enough to be built: it predicts, it
# remembers by context, it knows how sure it is. We built them. Would we recognise them in a recording?
#
# You need notebooks 00 and 02; what you learnt in the others helps.

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
# *Prediction.* A pyramidal cell has thousands of synapses far from its body, too weak to fire it. Hawkins and Ahmad
# take them for detectors of context: they make a cell ready, so that when its input comes it fires first and silences
# its neighbours. A column that nobody predicted bursts. From this follows a memory for sequences, in which the same
# tone is carried by other cells in another melody. The *Feynman Machine* of Laukien and colleagues stacks such
# predictors: upper levels see more slowly and tell lower ones what to expect.
#
# *Doubt.* People who judge where something is from sight and touch weigh both by how reliable they are, trial by
# trial, as Bayes' rule would. Does a brain then compute with distributions? Orhan and Ma trained plain networks on
# the error of their report alone, and found that they come to weigh cues nearly as an ideal observer does, and that
# how sure one could be is readable from their units. Nothing in them was made for uncertainty.
#
# *Memory.* That a cell in the human hippocampus fires for a picture seen before is established. Whether a memory is
# kept by cells that go on firing, by synapses that changed for seconds, or by both, is not.
#
# Readings
#
# - Hawkins & Ahmad 2016, a theory of sequence memory: 10.3389/fncir.2016.00023
# - Laukien, Crowder & Byrne 2016, a hierarchy of predictors: arXiv:1609.03971
# - Orhan & Ma 2017, inference in networks that were never told of it: 10.1038/s41467-017-00181-8
# - Sohn et al. 2019, Bayesian timing in a monkey's frontal cortex: 10.1016/j.neuron.2019.06.012

# %% [markdown]
# ## The data: a memory that learns two melodies
#
# Three hundred cells of a memory, while two sequences of six symbols are shown over and over: `ABCDEF` and `GBCDHI`.
# They share their middle. After half of the session now and then a symbol comes that does not belong. One trial is
# one symbol. The line below takes `"nlb-dmfc-rsg"`, a monkey that measures and reproduces a time, or
# `"rutishauser-human"`, people who see pictures again; what is asked of them is then yours to define.

# %%
import numpy as np

import neurodata4ml as nd
from neurodata4ml.course.figures import open_issues as figures
from neurodata4ml.course.grading import check
from neurodata4ml.systems import inference

session = nd.open_session("sequence")
counts = nd.bin_spikes(session, window=(0, 0.1), bin_width=0.1).isel(time=0)
_ = nd.plot(session.isel(unit=slice(0, None, 3)), start=float(session.start_time[600]) - 0.2, seconds=1.6)

# %% [markdown]
# ## Part 1 – Surprise
#
# If cells fire less for what they expect, a population that learns should grow quiet, and wake up when something is
# wrong.

# %%
_ = figures.surprise(counts)

# %% [markdown]
# ### Task 1A
#
# In the second half of the session (`block` 5 and on): how many times as many spikes does an element evoke that does
# *not* belong as one that does? Leave out the first element of each sequence (`position` 0): it cannot be foreseen.

# %%
### BEGIN SOLUTION
total = counts.sum("unit")
asked = (counts.position > 0) & (counts.block >= 5)
ratio = total[(asked & ~counts.is_expected).values].mean() / total[(asked & counts.is_expected).values].mean()
### END SOLUTION

# %%
check("11-1A", ratio, counts=counts)

# %% [markdown]
# ## Part 2 – Context, and what is not there yet
#
# Can one read from the population which *sequence* is on, element by element? At the ends that is easy, for the
# symbols differ. In the middle they are the same.

# %%
late = (counts.block >= 5) & counts.is_expected
scores = {}
for position, name in enumerate(("A or G", "B", "C", "D", "E or H", "F or I")):
    x = counts.isel(trial=np.flatnonzero((late & (counts.position == position)).values))
    found = nd.decode(x, "sequence", n_shuffles=0)
    scores[name] = tuple(float(found[part]) for part in ("score", "low", "high"))
_ = figures.before_it_comes(scores)

# %% [markdown]
# ### Task 2A
#
# Give the score of reading the sequence while `D` is shown (`position` 3), from elements that belong, in `block` 5
# and on: `nd.decode(x, "sequence", n_shuffles=0).score`.

# %%
### BEGIN SOLUTION
chosen = (counts.block >= 5) & counts.is_expected & (counts.position == 3)
context = nd.decode(counts.isel(trial=np.flatnonzero(chosen.values)), "sequence", n_shuffles=0).score
### END SOLUTION

# %%
check("11-2A", context, counts=counts)

# %% [markdown]
# Is it memory of `A` or `G`, or expectation of `E` or `H`? Here both are the same thing: whoever knows the past knows
# the future. The truth lists what the memory expected, before each element came:

# %%
known = nd.truth(session)
right = (known.predicted.values == session.stimulus.values)[late.values & (counts.position.values == 4)]
print(f"of the elements after D, {right.mean():.0%} were those that the memory expected")

# %% [markdown]
# ## Part 3 – Does it know how sure it can be?
#
# Another system: a network that sees two cues to a position, each more or less reliable, and was taught by the error
# of its report alone. For each trial an ideal observer's doubt is known, the width of the posterior. Read it from the
# hidden units, of trials that the read-out has not seen; and from the twin that learnt nothing.

# %%
cues = {"trained": nd.open_session("inference"), "untrained": nd.open_simulation(inference.record(trained=False))}
responses, guesses = {}, {}
for name, its in cues.items():
    x = nd.bin_spikes(its, window=(0, 0.5), bin_width=0.5).isel(time=0)
    responses[name] = x.assign_coords(width=("trial", nd.truth(its).posterior_width.values))
    hidden = responses[name].isel(unit=(x.area == "hidden").values)
    found = nd.decode(hidden, "width", decoder="ridge", scoring="r2", n_shuffles=0)
    guesses[f"{name}: R² = {float(found.score):.2f}"] = found.prediction.values
_ = figures.known_doubt(responses["trained"].width.values, guesses)

# %% [markdown]
# ### Task 3A
#
# A control is missing. A reliable cue evokes more spikes. What does *one number* tell of the posterior's width, the
# number of spikes of all units that see the cues? Give R² of `nd.decode(x, "width", decoder="ridge", scoring="r2",
# n_shuffles=0)` with `x` an array (trial, unit) of one unit: that sum.

# %%
seen = responses["trained"]

# %%
### BEGIN SOLUTION
one = seen.isel(unit=(seen.area != "hidden").values).sum("unit").expand_dims(unit=[0]).transpose("trial", "unit")
counted = nd.decode(one, "width", decoder="ridge", scoring="r2", n_shuffles=0).score
### END SOLUTION

# %%
check("11-3A", counted, counts=seen)

# %% [markdown]
# ### Task 3B
#
# A paper reports that uncertainty can be decoded from an area, as here. Which sentence may it write: that the area
# `"computes uncertainty"`, that it `"carries uncertainty"`, or that it `"knows nothing of it"`?

# %%
### BEGIN SOLUTION
conclusion = "carries uncertainty"
### END SOLUTION

# %%
check("11-3B", conclusion)

# %% [markdown]
# ## What could fool us
#
# Sequences go with the clock. If one melody had been shown in the morning and the other in the afternoon, slow drift
# would tell them apart without any memory. Here they are mixed; the control is to read the sequence from the *first
# tenth* of the session, in which nothing was learnt yet, in the middle where symbols are the same. `splits` refuses
# folds in which a class is missing, so we ask with as many folds as there are trials to fill:

# %%
early = counts.isel(trial=np.flatnonzero(((counts.block < 2) & (counts.position == 1)).values))
found = nd.decode(early, "sequence", n_shuffles=20, n_folds=2)
print(f"B, in the first fifth: {float(found.score):.2f}, by chance {float(found.chance):.2f}")
print(f"B, in the second half: {scores['B'][0]:.2f}")

# %% [markdown]
# ## What nobody knows
#
# Nearly everything that was in this notebook. Responses to what is unexpected are found all over the cortex, and much
# of it is adaptation to what was common. Nobody has seen the cells of one column share out contexts as the theory
# says. Whether any neuron's activity *stands for* uncertainty, rather than varying with it, is a question for which
# we may lack the experiment. And how a memory of one evening, told years later, is kept in cells whose proteins are
# replaced within weeks, nobody knows at all.
#
# ## A task for a group, for a week
#
# Choose one of the three ideas and a recording from `nd.list_datasets()` in which it could fail. Write the prediction
# down, with the number that would refute it; show by one of the systems here that your analysis would have found the
# effect if it were there, and would not have where it is not. Then look, once, and report what you found.
