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
# # 03 Shapes of activity
#
# **How many dimensions, and which geometry?** The activity of a hundred neurons is a point in a space of a hundred
# dimensions. It is said to keep to few of them, and to lie on lines, rings and sheets there. How would one know?
#
# You need to know what an eigenvector is; notebook 00 helps.

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
# Write what a population does in one trial as a vector, one entry per neuron. Many trials are a cloud of points, and
# its shape tells what the population can say: a cloud that is flat in most directions says little, whatever the
# number of neurons; one that is round uses all of them. Two findings made this more than a picture. When a monkey
# reaches, motor cortex moves through few dimensions, as if a small dynamical system were hidden in many neurons. And
# in the mouse's visual cortex, the variance of what images evoke falls along the components as a power law with an
# exponent near one: about as many dimensions as a code can have without becoming rough.
#
# Some shapes have a meaning that one can see. Neurons that tell the direction of the head form, whatever the animal
# does, a ring: it was predicted by theory decades before it was seen, and there it is, in sleep as well.
#
# But a cloud of *noise* has a shape too, and few samples of any cloud look flat. Every number of this notebook comes
# in two kinds: one that counts noise, and one that does not.
#
# Readings
#
# - Cunningham & Yu 2014, dimensionality reduction for recordings: 10.1038/nn.3776
# - Stringer et al. 2019, the power law of visual cortex, and cvPCA: 10.1038/s41586-019-1346-5
# - Kobak et al. 2016, components with a meaning, dPCA: 10.7554/eLife.10989
# - Yu et al. 2009, smooth trajectories of single trials, GPFA: 10.1152/jn.90941.2008
# - Chaudhuri et al. 2019, the ring of head direction, awake and asleep: 10.1038/s41593-019-0460-x

# %% [markdown]
# ## The data: two populations
#
# `counts` are spikes of two simulated areas of the visual system in time steps of a scene. The line that opens it
# takes `"nlb-mc-maze-small"`, a monkey that reaches through mazes, and any other recording with trials;
# `"peyrache-hd"`, a mouse that looks about, has the ring of Part 4 in it.

# %% tags=["data"]
import neurodata4ml as nd

session = nd.open_session("demo")
counts = nd.bin_spikes(session, bin_width=0.025)

# %%
import numpy as np

from neurodata4ml.course.figures import shapes as figures
from neurodata4ml.course.grading import check
from neurodata4ml.systems import known_shapes

print(f"{counts.sizes['trial']:,} trials, {counts.sizes['time']} steps, {counts.sizes['unit']} units")
_ = nd.plot(counts)

# %% [markdown]
# ## Part 1 – Counting dimensions
#
# The **participation ratio** counts how many dimensions a cloud fills: with $\lambda_k$ the eigenvalues of its
# covariance,
#
# $$PR = \frac{(\sum_k \lambda_k)^2}{\sum_k \lambda_k^2}$$
#
# It is the number of units where all eigenvalues are equal, and one where a single one is not zero.
#
# ### Task 1A
#
# Write it as a function of responses (stimulus, unit).


# %%
### BEGIN SOLUTION
def participation_ratio(x):
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T))
    return eigenvalues.sum() ** 2 / (eigenvalues**2).sum()


### END SOLUTION

# %%
check("03-1A", participation_ratio)

# %% [markdown]
# Try it on a world whose answer is known: unrelated units of equal variance. Two hundred of them have two hundred
# dimensions. Show them more and more stimuli.

# %% tags=["trap-participation-ratio"]
n_stimuli = np.array([25, 50, 100, 200, 400, 800, 1600])
estimates = [nd.dimensionality(known_shapes.white_noise(int(n), 200, seed=1)) for n in n_stimuli]
observed = np.array([float(one.participation_ratio) for one in estimates])
corrected = np.array([float(one.participation_ratio_units) for one in estimates])
_ = figures.counted(n_stimuli, observed, corrected, 200.0)
print(f"with {n_stimuli[2]} stimuli: {observed[2]:.0f} dimensions observed; the truth is 200")
print(f"corrected for the number of stimuli: {corrected[2]:.0f}")

# %% [markdown]
# What looks like a low-dimensional population is a short experiment. `dimensionality` prints the limit that white
# noise would reach (`bias_limit`) beside what it observed, and an estimate for stimuli without number.
#
# ### Task 1B
#
# Another laboratory shows four hundred stimuli and records two hundred units. Which participation ratio will it find
# if the units are unrelated?

# %%
### BEGIN SOLUTION
expected = 400 * 200 / (400 + 200)
### END SOLUTION

# %%
check("03-1B", expected)

# %% [markdown]
# Now the recording, one area at a time: as observed, without the noise of trials, and of the population behind these
# units and stimuli.

# %%
rates = nd.firing_rate(counts)
group = "area" if "area" in rates.coords else "unit"
areas = {str(name): x for name, x in rates.groupby(group) if x.sizes["unit"] > 3} or {"all": rates}
for name, x in areas.items():
    d = nd.dimensionality(x)
    print(
        f"{name}: {float(d.participation_ratio):.1f} as observed, {float(d.participation_ratio_cv):.1f} without noise"
    )
_ = nd.plot(nd.dimensionality(next(iter(areas.values()))))

# %% [markdown]
# ## Part 2 – How the variance decays
#
# A world with a power law of exponent one, in noise, each stimulus shown twice. The usual way is to average the
# trials and take the eigenvalues. Cross-validated PCA finds components in one half of the trials, and asks how much
# variance *both* halves share along them.

# %% tags=["trap-pca-exponent"]
world = known_shapes.power_law(exponent=1.0, seed=2)
ranks = (11, 150)
spectrum = nd.dimensionality(world, method="cvpca", ranks=ranks, allow_few="the truth is known here")
variance = {
    "of mean responses": spectrum.naive_variance.values,
    "shared by both halves": spectrum.signal_variance.values,
}
_ = figures.decays(variance, ranks, 1.0)

# %% [markdown]
# ### Task 2A
#
# With which exponent does the variance of the *signal* fall in `trials`, a world of the same kind, over the
# components `ranks`? Give the number.

# %%
trials = known_shapes.power_law(n_stimuli=500, n_units=250, exponent=1.3, noise=0.2, seed=9)

# %%
### BEGIN SOLUTION
found = nd.dimensionality(trials, method="cvpca", ranks=ranks, allow_few="a task")
decay = float(found.exponent)
### END SOLUTION

# %%
check("03-2A", decay, trials=trials, ranks=ranks)

# %% [markdown]
# ## Part 3 – Components with a meaning
#
# Principal components follow the loudest units. Factor analysis looks for what units share. Demixed PCA asks which
# components are about the stimulus, and which about time alone.

# %%
for method in ("pca", "fa"):
    few = nd.latents(rates, method=method, n_components=3)
    print(f"{method}: {', '.join(f'{share:.0%}' for share in few.explained_variance.values)} of the variance")
paths = nd.latents(counts, method="dpca", n_components=1)
_ = nd.plot(paths)
for name, share in zip(paths.marginalization.values, paths.explained_variance.values, strict=True):
    print(f"dpca, {name}: {share:.0%} of the variance of the mean responses")

# %% [markdown]
# How many components would unrelated units show? Parallel analysis shuffles every unit on its own, and keeps the
# components that stand out.

# %%
d = nd.dimensionality(next(iter(areas.values())), method="parallel")
_ = nd.plot(d)
print(f"{int(d.n_components)} components stand out from unrelated units")

# %% [markdown]
# Single trials have a path, too. GPFA assumes that it is smooth, and fits it to the spikes of single trials. Each
# line is one trial, each panel one condition; the dots are where they begin.

# %%
shown = [label for label in dict.fromkeys(counts.stimulus.values.tolist()) if label != -1][:2]
some = counts.isel(trial=np.flatnonzero(counts.stimulus.isin(shown).values)[:40])
busy = some.isel(unit=np.argsort(some.sum(["trial", "time"]).values)[-30:])
single = nd.latents(busy, method="gpfa", n_components=2, max_iter=40)
_ = figures.trajectories(single.latents)

# %% [markdown]
# ## Part 4 – A ring
#
# A system that we understand: thirty-two leaky integrate-and-fire units, each of which prefers a direction in which a
# grating moves. Nobody joined them to a ring.

# %%
grating = nd.open_session("lif")
means = nd.average_by(nd.firing_rate(nd.bin_spikes(grating)))
plane = nd.latents(means, method="pca", n_components=2)
_ = figures.ring(plane.latents.values, means.stimulus.values)
print(f"two components hold {float(plane.explained_variance.sum()):.0%} of the variance of {means.sizes['unit']} units")

# %% [markdown]
# ### Task 4A
#
# Read the direction from the ring: give the angle of each of the eight points in the plane, in degrees, in the order
# of `means.stimulus`. Where zero lies, and which way round it goes, does not matter.

# %%
### BEGIN SOLUTION
x, y = plane.latents.values.T
angles = np.rad2deg(np.arctan2(y, x))
### END SOLUTION

# %%
check("03-4A", angles, means=means)

# %% [markdown]
# ## What could fool us
#
# Is there a ring in *any* data with eight conditions? The control: the same responses, with the labels of the
# conditions shuffled for every unit on its own. Each unit keeps its tuning curve, and the order among units is gone.

# %%
rng = np.random.default_rng(0)
apart = means.copy(data=np.stack([rng.permutation(column) for column in means.values.T], axis=1))
for name, x in {"as recorded": means, "each unit shuffled": apart}.items():
    share = float(nd.latents(x, method="pca", n_components=2).explained_variance.sum())
    print(f"{name}: two components hold {share:.0%} of the variance")

# %% [markdown]
# Eight points always lie in seven dimensions or fewer, and the first two hold more than two sevenths by choice. What
# counts is how much more than the shuffled ones. And a ring of *stimuli* gives a ring of responses in any smooth
# system: it is evidence for a mechanism only where the stimulus was not on a ring, as in sleep.
#
# ## What nobody knows
#
# Whether low dimensions are a property of the brain or of the task. Animals in laboratories do few things, in trials;
# simple tasks have low-dimensional solutions in any network. Recordings of thousands of neurons find more dimensions
# the longer one looks. And nobody knows what reads these dimensions: a neuron downstream sees neither components nor
# manifolds, only its own synapses.
#
# ## A task for a group, for a week
#
# Take a recording of your choice and answer one question: how many dimensions? Report it four ways (as observed,
# without noise, of the population, by parallel analysis), with half the trials and with half the units, and draw all
# of it in one figure. Which of your numbers would you defend in front of somebody who has twice as many neurons?
