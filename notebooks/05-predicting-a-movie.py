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
# # 05 Predicting a movie
#
# **Can a network's features predict responses, and be read back from them?** A movie runs thirty times a second; a
# neuron answers late and remembers for a while. We predict what it will do from what was on the screen, tell from its
# response which moment of the movie it was, and read the picture itself back.
#
# You need notebook 00 and linear regression with a penalty.

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
# Single pictures, flashed in random order, are kind to the analyst and strange to the animal. The world moves, and
# vision is made for it: what one sees now is nearly what one saw just before. Movies are closer to that, and hold
# many more pictures per minute. The price: nothing in them is independent. The picture changes slowly, the response
# changes slowly, and two slow things are easily taken for a cause and its effect.
#
# An *encoding model* predicts responses from features of the stimulus, with one set of weights for each delay, since
# light takes time to become a spike and a spike takes time to be forgotten. Wen and others fed movies to a network
# trained on photographs and predicted the human brain from its layers; Nishimoto and others read from the brain which
# clip was seen, by asking for which clip the model would have predicted this response. That is *identification*. It
# needs no picture to be drawn, and its chance is known.
#
# Readings
#
# - Wen et al. 2018, encoding and decoding of movies with a deep network: arXiv:1608.03425
# - Kay et al. 2008, identifying natural images from brain activity: 10.1038/nature06713
# - Nishimoto et al. 2011, movies reconstructed from brain activity: 10.1016/j.cub.2011.08.031
# - Naselaris et al. 2011, what encoding and decoding are, and how they differ: 10.1016/j.neuroimage.2010.07.073
# - Siegle et al. 2021, the survey whose movies the demo imitates: 10.1038/s41586-020-03171-x

# %% [markdown]
# ## The data: half a minute, ten times
#
# A handwritten digit moves and turns into another. The trials are frames: `stimulus` is the number of the frame, and
# each was shown once in each of ten repeats. `responses` are means over the repeats, in time. The cell takes
# `"allen-vc"` with one of its natural movies as well; then choose a network that takes photographs.

# %% tags=["data"]
import neurodata4ml as nd

session = nd.open_session("demo", trials="natural_movie_one")
counts = nd.bin_spikes(session, window=(0, 1 / 30), bin_width=1 / 30).squeeze("time")
responses = nd.in_time(nd.average_by(counts), rate=30)
images = nd.stimulus_images(session).load()
network, layers = "digits", ["conv1", "conv2", "penultimate"]

# %%
import numpy as np
import xarray as xr

from neurodata4ml.course.figures import movie as figures
from neurodata4ml.course.grading import check
from neurodata4ml.systems import nothing

movie = nd.in_time(images, rate=30)
print(
    f"{responses.sizes['time']} frames, {counts.sizes['trial'] // responses.sizes['time']} repeats, "
    f"{responses.sizes['unit']} units in {', '.join(np.unique(responses.area).tolist())}"
)
_ = figures.strips({"on the screen": movie}, np.linspace(0, 27, 8))

# %% [markdown]
# ## Part 1 – How late?
#
# Features of every frame come from a network that was trained on other digits. First one delay at a time: how well do
# the features of so long ago predict the response of now? Scores are those of stretches of time that the model has
# not seen, with a gap on each side.

# %%
features = {name: nd.in_time(x, rate=30) for name, x in nd.activations(network, images, layers=layers).items()}
lags = np.arange(10) / 30
shifted = [nd.lagged(features["penultimate"], [lag], fill=0.0) for lag in lags]
one_lag = [nd.encode(responses, design, scores="r").r.groupby("area").median() for design in shifted]
scores = xr.concat(one_lag, dim=xr.Variable("lag", lags)).transpose("area", "lag")
truth = nd.truth(session) if counts.attrs.get("simulated") == "yes" else {}
_ = figures.lag_profile(scores, truth.get("kernel"))

# %% [markdown]
# On the right is what the simulation really does to each frame. The scores on the left are broader: frames near each
# other look alike, so the features of a wrong delay predict nearly as well.
#
# ### Task 1A
#
# At which delay do the features alone predict the last area best? In seconds.

# %%
### BEGIN SOLUTION
lag = float(scores.isel(area=-1).idxmax("lag"))
### END SOLUTION

# %%
check("05-1A", lag, scores=scores)

# %% [markdown]
# Now all delays together, for each layer. More columns are no advantage by themselves: the score is that of frames
# which were not learnt.

# %%
found = {}
for name, x in features.items():
    design = nd.lagged(x, lags)
    found[name] = nd.encode(responses.sel(time=design.time), design, scores="r", prediction=True)
    told = found[name].r.groupby("area").median()
    print(f"{name}: " + ", ".join(f"{float(told.sel(area=a)):.2f} for {a}" for a in told.area.values))

# %%
best = found["penultimate"]
unit = best.unit[int(best.r.argmax("unit"))]
title = f"unit {int(unit)} of area {unit.area.item()}: r = {float(best.r.sel(unit=unit)):.2f}"
_ = figures.course(responses.sel(unit=unit), best.prediction.sel(unit=unit), title=title)

# %% [markdown]
# A single frame in a single bin holds few spikes, even over ten repeats; most of what is not predicted is noise. The
# mean rate of the same unit, which only a simulation knows, says how much.

# %%
if "mean_response" in truth:
    true = nd.in_time(truth.mean_response, rate=30).sel(time=best.prediction.time)
    with_truth = xr.corr(best.prediction, true.astype(float), dim="time").groupby("area").median()
    for area in with_truth.area.values:
        print(f"{area}: r = {float(with_truth.sel(area=area)):.2f} with the response that no noise touches")

# %% [markdown]
# ## Part 2 – Which moment was it?
#
# Take the response to one frame, and the predicted responses to all of them. Which prediction is most like it? Frames
# within a second of the true one are no rivals: they look too much alike to be counted as mistakes.

# %%
which = nd.identify(responses.sel(time=best.prediction.time), best.prediction, apart=1.0)
_ = figures.identification(which)
print(f"{float(which.beaten):.0%} of the rivals are beaten, p {float(which.p_value):.3f}")
print(f"{float(which.accuracy):.1%} of the frames are told from all rivals, where chance is {float(which.chance):.2%}")

# %% [markdown]
# ### Task 2A
#
# Write the strict score yourself: from similarities (observed, candidate), the share of samples whose own candidate
# is the most similar of all.


# %%
### BEGIN SOLUTION
def identified(similarity):
    return np.mean(np.argmax(similarity, axis=1) == np.arange(len(similarity)))


### END SOLUTION

# %%
check("05-2A", identified)

# %%
print(f"counting neighbours as rivals, {np.mean(which.told == which.time):.1%} of the frames")

# %% [markdown]
# ### Task 2B
#
# A friend counts an answer as right if it is within half a second of the true frame, and reports a score fifteen
# times the chance of hitting the frame. How often is a *guess* within half a second?

# %%
time, within = which.time.values, 0.5

# %%
### BEGIN SOLUTION
by_chance = np.mean(np.abs(np.subtract.outer(time, time)) <= within + 1e-9)
### END SOLUTION

# %%
check("05-2B", by_chance, time=time, within=within)

# %%
near = np.mean(np.abs(which.told - which.time) <= within)
print(f"the model: {float(near):.0%} within {within} s")

# %% [markdown]
# ## Part 3 – Reading the picture back
#
# The other way round: predict every pixel from the responses of all units, a third of a second into the future. It is
# the same regression with the sides exchanged, and the same care about what was learnt from.

# %%
pixels = movie.stack(unit=("y", "x")).reset_index("unit").drop_vars(["y", "x"]).astype(float)
later = nd.lagged(responses.rename(unit="feature").drop_vars("area"), -lags)
back = nd.encode(pixels.sel(time=later.time), later, scores="r", prediction=True)
shown = movie.sel(time=back.prediction.time).astype(float)
told = shown.copy(data=back.prediction.transpose("time", "unit").values.reshape(shown.shape))
_ = figures.strips({"shown": shown, "read back": told}, np.linspace(1, 28, 8))

# %% [markdown]
# ### Task 3A
#
# How good is it? For each frame, correlate what was shown with what was read back, over pixels.

# %%
### BEGIN SOLUTION
alike = xr.corr(shown, told, dim=["y", "x"])
### END SOLUTION

# %%
check("05-3A", alike, shown=shown, told=told)

# %% [markdown]
# Pixels can be told about as well from either area. What the network makes of them cannot: its last layer but one is
# told far better from the late area.

# %%
wanted = {"pixels": pixels, "penultimate": features["penultimate"].rename(feature="unit")}
for name, target in wanted.items():
    for area in np.unique(responses.area.values):
        part = responses[:, (responses.area == area).values].rename(unit="feature").drop_vars("area")
        design = nd.lagged(part, -lags)
        r = nd.encode(target.sel(time=design.time), design, scores="r").r
        print(f"{name} from {area}: median r {float(r.median()):.2f}")

# %% [markdown]
# ## What could fool us
#
# **The same image on both sides.** Pictures shown ten times, units with an answer of their own to each, and features
# of *other* pictures, which cannot predict anything. With trials dealt at random, each test picture is among those
# learnt, and its features, whatever they are, are as good as its name.

# %% tags=["trap-same-image-encoding"]
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict

others, trials = nothing.unrelated_trials()
x = others.sel(stimulus=trials.stimulus.values).values
by_trial = KFold(5, shuffle=True, random_state=0)
guess = cross_val_predict(Ridge(100.0), x, trials.values, cv=by_trial)
leaky = xr.corr(trials, trials.copy(data=guess), dim="trial")
print(f"median r {float(leaky.median()):.2f} from features of other pictures")

# %%
honest = nd.encode(trials, others, scores="r")
print(f"median r {float(honest.r.median()):.2f} where whole pictures are held out")

# %% [markdown]
# **The average picture.** The pictures that were read back looked good. But all digits look alike: they are white in
# the middle. How good is one picture, the mean of the movie, told for every frame? And what is left of the score once
# that mean is taken from both sides?

# %%
mean = shown.mean("time")
lazy = xr.corr(shown, mean.broadcast_like(shown), dim=["y", "x"])
beyond = xr.corr(shown - mean, told - mean, dim=["y", "x"])
print(f"always the same picture: median r {float(lazy.median()):.2f}")
print(f"read back, beyond that picture: median r {float(beyond.median()):.2f}")

# %% [markdown]
# **The wrong movie.** In a movie even held-out *moments* may be known by their neighbours. The control is a stimulus
# that was not shown: the same movie, backwards. It is as slow and as rich, and should predict nothing.

# %%
backwards = features["penultimate"].copy(data=features["penultimate"].values[::-1])
design = nd.lagged(backwards, lags)
control = nd.encode(responses.sel(time=design.time), design, scores="r", prediction=True)
no = nd.identify(responses.sel(time=control.prediction.time), control.prediction, apart=1.0)
print(f"backwards: median r {float(control.r.median()):.2f}, {float(no.beaten):.0%} of the rivals beaten")

# %% [markdown]
# ## What nobody knows
#
# Why the layers of a network that never saw anything move predict brains that never see anything stand still.
# Features of motion, of what comes next, of where the eyes go, are all missing from it. Nor is it known how much of a
# response to a movie is about the movie: the same half minute evokes something else a minute later, and weeks later
# the neurons that answered have been replaced by others, while the animal seems to see the same.
#
# ## A task for a group, for a week
#
# The demo's movie is shown to two areas; Allen's to eight. Take one mouse of `"allen-vc"` and three of its areas,
# predict each with a network of your choice, and identify moments from each alone, with the same number of units.
# Then identify the moments of the *second half* of the repeats with a model fitted to the first. What is lost?
