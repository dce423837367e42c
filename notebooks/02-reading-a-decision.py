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
# # 02 Reading a decision
#
# **What does the population know, and when?** An animal sees two gratings and turns a wheel towards the stronger one;
# if it is right, it gets a drop of water. Somewhere between its eyes and its paws the choice is made. We read it from
# the spikes before the animal moves, and learn how easy it is to read what is not there.
#
# You need notebook 00, and to know what cross-validation is.

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
# A decision is not in the stimulus: shown the same picture twice, an animal may choose differently. What differs
# between these trials in its brain is the decision, or something that goes with it. In the classic picture, neurons
# add up evidence until a bound is reached; in recordings of whole brains, the choice appears in many areas at nearly
# the same time, together with the movement it leads to, and after it the reward is everywhere.
#
# A *decoder* is a classifier that guesses the choice from a population's counts, in trials it has not learnt from. A
# score above chance says that the information is there, for somebody who knows where to look. It does not say that
# the brain uses it, nor that it is about the choice: whatever goes with the choice will do, the picture first of all.
#
# And a recording is not a table of independent rows. It drifts, trials come in blocks, pictures repeat. Every one of
# these has made labels readable that were not there, in published work as well.
#
# Readings
#
# - Gold & Shadlen 2007, the neural basis of decisions: 10.1146/annurev.neuro.29.051605.113038
# - Steinmetz et al. 2019, choice and action across the mouse brain: 10.1038/s41586-019-1787-x
# - International Brain Laboratory 2025, one task, the whole brain: 10.1038/s41586-025-09235-0
# - Haufe et al. 2014, what a decoder's weights do not mean: 10.1016/j.neuroimage.2013.10.067
# - Kriegeskorte et al. 2009, circular analysis: 10.1038/nn.2303
# - Harris 2020, nonsense correlations in neuroscience: 10.1101/2020.11.29.402719

# %% [markdown]
# ## The data: a choice, and its reward
#
# A simulated animal in the task of Steinmetz et al.: a contrast on the left, one on the right, a wheel, water for the
# right answer. `counts` are spikes in steps around the answer, `before` those of the last three tenths of a second
# before it. The cell takes `"steinmetz2019"`, `"ibl-bwm"` or `"guo-alm"` as well: then say which columns hold the
# choice, the outcome, and what was seen.

# %% tags=["data"]
import neurodata4ml as nd

session = nd.open_session("demo", trials="choice")
answered = session.isel(trial=(session.response_choice != 0).values)
counts = nd.bin_spikes(answered, align="response_time", window=(-0.5, 0.5), bin_width=0.1)
contrast = counts.visual_stimulus_right_contrast - counts.visual_stimulus_left_contrast
counts = counts.assign_coords(contrast=contrast)
before = counts.sel(time=slice(-0.3, 0)).sum("time", keep_attrs=True)
target, outcome, seen = "response_choice", "feedback_type", "contrast"

# %%
import numpy as np

from neurodata4ml.course import riddles
from neurodata4ml.course.figures import decision as figures
from neurodata4ml.course.grading import check
from neurodata4ml.systems import nothing

group = "area" if "area" in counts.coords else "unit"
parts = {str(name): x for name, x in before.groupby(group) if x.sizes["unit"] > 3} or {"all": before}
steps = {str(name): x for name, x in counts.groupby(group) if x.sizes["unit"] > 3} or {"all": counts}
values, n_each = np.unique(before[target], return_counts=True)
print(f"{before.sizes['trial']} trials, {before.sizes['unit']} units in {', '.join(parts)}")
print(f"{target}: " + ", ".join(f"{n} times {v}" for v, n in zip(values.tolist(), n_each.tolist(), strict=True)))

# %% [markdown]
# ## Part 1 – When does the population know?
#
# One decoder for each time step, each tried on trials it has not seen. Which trials are held out together, and which
# labels chance could have dealt instead, is decided by the design of the experiment: `attrs` say how. The band is an
# interval of the score; a square marks a step that is better than chance when *all* steps are looked at.

# %%
over = {name: nd.decode(x, target, over="time") for name, x in steps.items()}
_ = figures.over_time(over, event="the answer", title="Since when the choice can be read")
found = over[list(over)[-1]]
print(found.attrs["folds_why"])
print(f"best: {float(found.score.max()):.2f}, where chance is {float(found.chance.mean()):.2f}")

# %% [markdown]
# ### Task 1A
#
# Since when does the population behind `found` know? Give the centre of the first step that is better than chance.
# There are as many chances to be fooled as there are steps.

# %%
### BEGIN SOLUTION
sure = found.time.values[(found.p_value_corrected < 0.05).values]
since = float(sure[0]) if len(sure) else None  # None: there is no such step
### END SOLUTION

# %%
check("02-1A", since, found=found)

# %% [markdown]
# A code can stand still or move on. Learn at one time and test at every other: a square along the diagonal is a code
# that stays, a thin diagonal one that is replaced all the time.

# %%
passes_on = nd.generalize(steps[list(steps)[-1]], target, n_shuffles=19)
_ = nd.plot(passes_on)

# %% [markdown]
# ## Part 2 – Choice, picture or reward?
#
# The animal chooses by what it sees. So an area that only sees the picture tells the choice, too, as often as the
# animal is right. The remedy: learn in the training trials of each fold what the picture alone would tell, and take
# it out of the responses of the test trials (`confounds=`).

# %%
for name, x in parts.items():
    plain = nd.decode(x, target)
    without = nd.decode(x, target, confounds=seen or None)
    print(f"{name}: {float(plain.score):.2f} (p {float(plain.p_value):.2f})", end="; ")
    print(f"with the picture taken out {float(without.score):.2f} (p {float(without.p_value):.2f})")

# %% [markdown]
# ### Task 2A
#
# Which areas tell something about the choice that the picture does not? A list of names.

# %%
### BEGIN SOLUTION
telling = [x for x in parts if float(nd.decode(parts[x], target, confounds=seen or None).p_value) < 0.05]
### END SOLUTION

# %%
check("02-2A", telling, parts=parts, target=target, seen=seen)

# %% [markdown]
# What is left need not be the decision: it may be the movement that has begun to be prepared. Recordings alone
# cannot part the two where they always come together.
#
# After the answer comes the reward, or a noise. Nobody can know it before.

# %%
if outcome:
    reward = {name: nd.decode(x, outcome, over="time") for name, x in steps.items()}
    _ = figures.over_time(reward, event="the answer", title="Since when the reward can be read")

# %% [markdown]
# Which units carry the choice? The decoder's *weight* is no answer. Take two units: one says the choice, with noise;
# the other has the same noise, and nothing else. A good decoder subtracts the second from the first, and gives it a
# large weight. The *pattern*, by how much a unit changes with what was decoded, is not fooled.

# %%
rng = np.random.default_rng(0)
side, noise = rng.integers(0, 2, 400), 2 * rng.standard_normal(400)
pair = np.column_stack([side + noise, noise]) + 0.3 * rng.standard_normal((400, 2))
pair = before[:1, :2].isel(trial=np.zeros(400, int)).drop_vars(list(before.coords)).copy(data=pair)
two = nd.decode(pair.assign_coords(side=("trial", side)), "side", n_shuffles=0)
for name in ("weights", "pattern"):
    says, silent = np.abs(two[name].isel({"class": -1}).values)
    print(f"{name}: {says:.2f} for the unit that says it, {silent:.2f} for the one that does not")

# %%
choice = nd.decode(parts[list(parts)[-1]], target, n_shuffles=0)
_ = figures.weights_and_patterns(choice, title="Weights are not patterns")

# %% [markdown]
# ## Part 3 – What a score is worth
#
# A class that comes four times in five is guessed right four times in five, by a decoder that has learnt nothing. In
# this world there is nothing to learn.

# %% tags=["trap-plain-accuracy"]
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold, cross_val_score

lda = LinearDiscriminantAnalysis()
shuffled = StratifiedKFold(5, shuffle=True, random_state=0)
rows = {}
x = nothing.unequal_classes(seed=1)
accuracy = cross_val_score(lda, x.values, x.label.values, cv=shuffled, scoring="accuracy").mean()
print(f"{accuracy:.2f} of the trials are told right")

# %%
honest = nd.decode(x, "label")
rows["plain accuracy"] = (accuracy, float(honest.score), 0.5)
print(f"{honest.attrs['scoring']}: {float(honest.score):.2f}, p {float(honest.p_value):.2f}")

# %% [markdown]
# ### Task 3A
#
# Balanced accuracy gives every class the same say. Write it as a function of the true labels and those told.


# %%
### BEGIN SOLUTION
def balanced_accuracy(true, told):
    return np.mean([np.mean(told[true == label] == label) for label in np.unique(true)])


### END SOLUTION

# %%
check("02-3A", balanced_accuracy)

# %% [markdown]
# A p-value from shuffles is the share of labellings that do as well as the true one, which is itself one of those
# possible: one more in the numerator, one more in the denominator. So it is never zero, however good the score.
#
# ### Task 3B
#
# You decode in ten time steps and want each to pass a level of `0.001` over the number of steps (Bonferroni). What is
# the smallest number of shuffles with which any step *can* pass?

# %%
### BEGIN SOLUTION
n_shuffles = 10 / 0.001 - 1
### END SOLUTION

# %%
check("02-3B", n_shuffles)

# %% [markdown]
# ## What could fool us: seven more ways
#
# None of the recordings below holds a signal. The first cell of each pair is what one would type at first, the second
# is done right.
#
# **Shuffled folds.** Labels stay the same for a block of trials, and the units drift. Trials next to each other are
# alike and have the same label; shuffled folds put one into training and its neighbour into the test.

# %% tags=["trap-shuffled-folds"]
x = nothing.drift_in_blocks(seed=1)
leaky = cross_val_score(lda, x.values, x.label.values, cv=shuffled).mean()
print(f"{leaky:.2f} of the trials are told right, where nothing can be known")

# %%
honest = nd.decode(x, "label")
rows["shuffled folds, blocks of labels"] = (leaky, float(honest.score), 0.5)
print(f"held out by {honest.attrs['folds']}: {float(honest.score):.2f}")

# %% [markdown]
# **A permutation of trials.** Is the score significant? Shuffling trials destroys the blocks, and with them the
# resemblance that made the score. What chance could have dealt is another order of the *blocks*.

# %% tags=["trap-trial-permutation"]
from sklearn.model_selection import permutation_test_score

_, null, p = permutation_test_score(lda, x.values, x.label.values, cv=shuffled, n_permutations=39, random_state=0)
print(f"p {p:.3f}: not one of {len(null)} shuffles comes near")

# %%
print(f"p {float(honest.p_value):.2f} ({honest.attrs['null_scheme']})")
print(honest.attrs["null_why"])

# %% [markdown]
# **Whole blocks, in a fixed order.** Holding out whole blocks is necessary, and not enough. Where blocks alternate, a
# held-out block lies between two of the *other* class, and drift makes it resemble them.

# %% tags=["trap-whole-blocks"]
from sklearn.model_selection import StratifiedGroupKFold

x = nothing.drift_in_blocks("alternating", seed=1)
by_block = StratifiedGroupKFold(6)
below = cross_val_score(lda, x.values, x.label.values, cv=by_block, groups=x.block.values).mean()
print(f"{below:.2f}: far below chance, which is as impossible as far above")

# %%
honest = nd.decode(x, "label")
rows["whole blocks that alternate"] = (below, float(honest.score), 0.5)
print(f"{float(honest.score):.2f}, p {float(honest.p_value)}: {honest.attrs['no_p']}")

# %% [markdown]
# No analysis mends a design whose labels follow the clock. All that is left to be honest is to give no p-value.
#
# **Selection outside the folds.** Two thousand units, sixty trials: first keep the twenty units that part the classes
# best, then cross-validate. The selection has seen the test trials.

# %% tags=["trap-selection-outside"]
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

x = nothing.many_units(seed=1)
best = SelectKBest(k=20).fit_transform(x.values, x.label.values)
circular = cross_val_score(LogisticRegression(), best, x.label.values, cv=shuffled).mean()
print(f"{circular:.2f} with the units that part the classes best")

# %%
inside = make_pipeline(SelectKBest(k=20), LogisticRegression())
honest = nd.decode(x, "label", decoder=inside, n_shuffles=39)
rows["selection outside the folds"] = (circular, float(honest.score), 0.5)
print(f"selected inside each fold: {float(honest.score):.2f}, p {float(honest.p_value):.2f}")

# %% [markdown]
# **The same image in training and test.** Ten classes of ten images that share nothing but the name of their class. A
# decoder that knows the image knows the class.

# %% tags=["trap-same-image-category"]
x = nothing.images_without_classes(seed=1)
memorised = cross_val_score(lda, x.values, x.category.values, cv=shuffled).mean()
print(f"{memorised:.2f}, where chance is {1 / 10}")

# %%
honest = nd.decode(x, "category", n_shuffles=39)
rows["the same image in both"] = (memorised, float(honest.score), 0.1)
print(f"whole images held out: {float(honest.score):.2f}, p {float(honest.p_value):.2f}")

# %% [markdown]
# **Two slow signals.** A recording that drifts and a running speed that drifts, of different animals, on different
# days. Samples next to each other are nearly the same sample.

# %% tags=["trap-slow-signals"]
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

x = nothing.slow_signals(seed=0)
samples = KFold(5, shuffle=True, random_state=0)
slow = cross_val_score(Ridge(1.0), x.values, x.signal.values, cv=samples).mean()
print(f"R2 {slow:.2f}: most of the variance of a stranger's running")

# %%
honest = nd.decode(x, "signal", decoder="ridge", n_shuffles=39)
rows["two slow signals (R2)"] = (slow, float(honest.score), 0.0)
print(f"R2 {float(honest.score):.2f} in stretches of time with a gap between them, p {float(honest.p_value):.2f}")

# %% [markdown]
# **A circular shift of what is not stationary.** To test two signals, shift one around its end: its own rhythm stays,
# the relation goes. But a random walk that is shifted has a jump in it that the observed one does not have.

# %% tags=["trap-circular-shift"]
shifts, alarms = np.random.default_rng(0).integers(15, 285, 99), []
for seed in range(100):
    walks = nothing.slow_signals(300, 1, memory=1, seed=seed)
    one, two = walks.values[:, 0], walks.signal.values
    null = [abs(np.corrcoef(one, np.roll(two, k))[0, 1]) for k in shifts]
    alarms.append((1 + np.sum(null >= abs(np.corrcoef(one, two)[0, 1]))) / 100 <= 0.05)
print(f"{np.mean(alarms):.0%} of unrelated pairs pass a test at the level of 5 %")

# %%
x = nothing.slow_signals(300, 5, memory=1, seed=1)
null = nd.permutation_null(x, "signal")
print(f"{null.scheme}: {null.why}")

# %%
_ = figures.fooled(rows)

# %% [markdown]
# ### Task 4A
#
# Four colleagues show you four recordings. Each has decoded its `label` with shuffled folds, and is happy. In one of
# them there is a signal. Which one, 0 to 3?

# %%
recordings = riddles.suspects()
for k, x in enumerate(recordings):
    score = cross_val_score(lda, x.values, x.label.values, cv=shuffled).mean()
    print(f"{k}: {score:.2f}; known of its trials: {', '.join(map(str, x.coords))}")

# %%
### BEGIN SOLUTION
p_values = [float(nd.decode(x, "label").p_value) for x in recordings]
which = int(np.argmin(p_values))
### END SOLUTION

# %%
check("02-4A", which)

# %% [markdown]
# ## What nobody knows
#
# Where a decision is made. It can be read from most of the brain, as soon as it can be read from any of it; silencing
# small parts often changes little, and the areas whose silencing matters are not those from which it is read best.
# Nor is it known what a decision *is* for a network of loops without a last stage: a bound that is reached in one
# place, or a state into which everything falls together. And an animal in a box, thirsty, with a wheel, chooses about
# once in three seconds; nobody knows how much of what we see is the box.
#
# ## A task for a group, for a week
#
# Take one paper that decodes a choice or a stimulus and whose data are in the catalog. Find out which trials it held
# out, what its chance was, and which of the eight mistakes it could have made. Repeat its main number with `decode`,
# read `attrs`, and write half a page to its authors: what stands, what moved, and what you would ask them to try.
