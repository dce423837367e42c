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
# # 07 Learning rules
#
# **What would a rule leave behind in a recording?** A network learns by gradients that somebody computes. A brain has
# nobody: each synapse sees its two neurons, a few chemicals, and nothing else. Which rule it follows is known for a
# few synapses in a dish, and for hardly any in an animal that learns. If we record the spikes of a learning brain,
# can we tell the rule?
#
# You need numpy; notebook 00 helps.

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
# A synapse is where one neuron, the sender, reaches another, the receiver; its **weight** is how much a spike of the
# one does to the other. In 1949 Donald Hebb guessed that a weight grows when sender and receiver are active together.
# Taken as a formula, the change is the product of both rates, and a machine learner sees at once what is wrong with
# it: nothing stops the growth. Oja added a decay, and the rule became an algorithm for the first principal component,
# by local means. Bienenstock, Cooper and Munro let a threshold slide instead, and units became selective.
# Rosenblatt's perceptron is of the same family: the product of the input and an error in the place of the output.
#
# Then it was found that time matters: a synapse grows when its sender fired some milliseconds *before* the receiver,
# and shrinks when it fired after (**STDP**). It looks as if the synapse asked whether it had caused the spike. And
# none of these rules knows what is good for the animal. A third factor may: dopamine, which reports how much better
# an outcome was than expected, lets the same pairing of rates strengthen a synapse, or weaken it. This is the
# REINFORCE rule of reinforcement learning, found twice.
#
# Readings
#
# - Oja 1982, a simplified neuron as a principal component analyser: 10.1007/BF00275687
# - Bi & Poo 1998, the window of spike timing, measured: 10.1523/JNEUROSCI.18-24-10464.1998
# - Song, Miller & Abbott 2000, what competition by spike timing does: 10.1038/78829
# - Fremaux & Gerstner 2016, rules of three factors: 10.3389/fncir.2015.00085
# - Lim et al. 2015, a rule inferred from recordings of a brain that learns: 10.1038/nn.4158

# %% [markdown]
# ## The data: a network that learns while it is recorded
#
# Thirty inputs and ten outputs; four stimuli, each of which drives ten of the inputs, one after the other, and five
# of the outputs. After each trial the half of the outputs that fired more is the choice, and the right one is
# rewarded. Before and after the task the network rests, four minutes each. Its weights follow a rule, which we know
# and can hide.
#
# The line below also takes `"line-attractor"`, a real recording of a mouse over days of social experience; there
# nobody knows the rule, and nothing was recorded at the synapse. What could still be asked of it?

# %%
import numpy as np

import neurodata4ml as nd
from neurodata4ml.course import riddles
from neurodata4ml.course.figures import learning_rules as figures
from neurodata4ml.course.grading import check
from neurodata4ml.systems import plasticity, rate_rules
from neurodata4ml.systems.plasticity_predicted import predicted_changes, rests
from neurodata4ml.systems.spike_timing import Window, pairwise_change

session = nd.open_session("plasticity")
_ = nd.plot(session, start=float(session.start_time[0]), seconds=2)

# %% [markdown]
# Each row is a unit, each mark a spike: the lower rows are the inputs, where a stimulus passes like a wave.
#
# ## Part 1 – Rules of rate
#
# Two inputs that rise and fall together, and a unit that adds them up by its weights. Show it three thousand samples,
# and let the weights follow Hebb's rule, and Oja's. Look at the direction in which the weights end, and at their
# length.

# %%
rng = np.random.default_rng(1)
x = rng.standard_normal((3000, 2)) @ np.array([[1.0, 0.6], [0.0, 0.5]])
paths = {rule: rate_rules.RATE_RULES[rule](x, rate=0.002, seed=3) for rule in ("hebb", "oja")}
_ = figures.weights_and_component(x, paths)
print(f"length at the end: Hebb {np.linalg.norm(paths['hebb'][-1]):,.0f}, Oja {np.linalg.norm(paths['oja'][-1]):.2f}")

# %% [markdown]
# Both find the direction in which the inputs vary most. Hebb's weights explode on the way; Oja's keep their length at
# about one.
#
# ### Task 1A
#
# Write Oja's rule: a function that takes the weights `w`, one input `x` and the `rate`, and gives the weights after
# one step. The unit's answer is `y = w @ x`.


# %%
### BEGIN SOLUTION
def oja_step(w, x, rate):
    y = w @ x
    return w + rate * y * (x - y * w)


### END SOLUTION

# %%
check("07-1A", oja_step)

# %% [markdown]
# ## Part 2 – A rule of time
#
# Spikes are not rates. What one pair of them does to a synapse depends on which came first, and by how much.

# %%
window = Window()
lag = np.linspace(-0.08, 0.08, 321)
_ = figures.timing_window(lag, window(lag))

# %% [markdown]
# Two trains of spikes make many pairs, and each of them counts. Here are a sender and a receiver that follows it, and
# the same two with their roles exchanged: the same spikes, the same rates.

# %%
sender = np.sort(rng.uniform(0, 2, 20))
receiver = np.sort(np.r_[sender[::2] + 0.004, rng.uniform(0, 2, 10)])
print(f"sender leads: {pairwise_change(sender, receiver):+.4f}")
print(f"roles exchanged: {pairwise_change(receiver, sender):+.4f}")

# %% [markdown]
# ### Task 2A
#
# Without `pairwise_change`: by how much do *all* pairs of `early` (the sender) and `late` (the receiver) change their
# synapse? `window(lag)` takes lags in seconds, of any shape.

# %%
early, late = np.array([0.010, 0.052, 0.300]), np.array([0.015, 0.040, 0.280, 0.310])

# %%
### BEGIN SOLUTION
change = window(late[None, :] - early[:, None]).sum()
### END SOLUTION

# %%
check("07-2A", change, sender=early, receiver=late, window=window)

# %% [markdown]
# ## Part 3 – What is left in the recording
#
# Nobody records weights. What we can count is **coupling**: after a spike of one unit, how many spikes of another
# follow within twenty milliseconds, beyond those that would have come anyway? Measure it in the rest before the task
# and in the rest after it.

# %%
before_rest, after_rest = rests(session)
inputs, outputs = np.flatnonzero(session.area == "input"), np.flatnonzero(session.area == "output")
before = nd.coupling(session, stretches=before_rest)[inputs, outputs]
after = nd.coupling(session, stretches=after_rest)[inputs, outputs]
_ = figures.before_and_after(before, after)

# %% [markdown]
# Some synapses gained and many lost. Did we measure weights? This once we can look.

# %%
known = nd.truth(session)
weight = (known.weight_end - known.weight_start).values[np.ix_(inputs, outputs)]
agreement = np.corrcoef(weight.ravel(), (after - before).values.ravel())[0, 1]
print(f"correlation of the change of coupling with the change of weights: {agreement:.2f}")

# %% [markdown]
# ### Task 3A
#
# `unknown` is another recording of the same kind. Give the change of its coupling between the two rests, inputs by
# outputs (30 by 10).

# %%
unknown = nd.open_simulation(riddles.unknown_rule(1))

# %%
### BEGIN SOLUTION
rest_before, rest_after = rests(unknown)
changed = (nd.coupling(unknown, stretches=rest_after) - nd.coupling(unknown, stretches=rest_before))[:30, 30:]
### END SOLUTION

# %%
check("07-3A", changed, session=unknown)

# %% [markdown]
# ## Part 4 – Which rule was it?
#
# Each rule makes a prediction from the recorded spikes alone: who fired with whom, who before whom, and was it
# rewarded? Compare what was observed with each prediction. The p of a rule tells how often senders in another order
# would have given any of the rules as high a correlation.

# %%
predicted = predicted_changes(session)
found = nd.best_explanation(after - before, predicted)
_ = figures.explanations(after - before, predicted, found)
print(f"best explanation: {found.best.item()}; the truth: {known.attrs['rule']}")

# %% [markdown]
# ### Task 4A
#
# Which rule did `unknown` follow: `"none"`, `"hebb"`, `"stdp"` or `"reward"`?

# %%
### BEGIN SOLUTION
rest_before, rest_after = rests(unknown)
observed = (nd.coupling(unknown, stretches=rest_after) - nd.coupling(unknown, stretches=rest_before))[:30, 30:]
rule = nd.best_explanation(observed, predicted_changes(unknown)).best.item()
### END SOLUTION

# %%
check("07-4A", rule)

# %% [markdown]
# A rule also leaves its trace in behaviour. Of four networks that did the same task, one each by every rule, only one
# heard of the reward.

# %%
choices = {rule: plasticity.record(rule=rule, seed=0).trials["reward"] for rule in plasticity.RULES}
_ = figures.rewards(choices)

# %% [markdown]
# ## What could fool us
#
# The rests are not a detail. Here is a network that learnt *nothing*, and its coupling measured while the task runs:
# stimuli drive inputs and outputs at the same time, so that they fire together whatever their synapse does. The
# control is the same network at rest.

# %%
still = nd.open_simulation(plasticity.record(seed=1, rule="none", n_trials=400))
task = np.array([[float(still.start_time.min()), float(still.stop_time.max())]])
truly = nd.truth(still).weight_start.values[:30, 30:].ravel()
for name, stretch in (("in the task", task), ("at rest", rests(still)[0])):
    measured = nd.coupling(still, stretches=stretch)[:30, 30:].values.ravel()
    print(f"{name}: correlation of coupling with the weights {np.corrcoef(truly, measured)[0, 1]:.2f}")

# %% [markdown]
# In the task the coupling is mostly that of the stimuli. A study that compares early with late trials, and in which
# behaviour changed meanwhile, measures the change of behaviour.
#
# A second trap: of several rules one always fits best. `best_explanation` therefore tests the *highest* correlation,
# and may answer `"none"`. And a third: rules whose predictions resemble each other cannot be told apart, however long
# the recording. Look at how the predictions correlate before you trust a winner.

# %%
names = list(predicted)
alike = np.corrcoef([predicted[name].values.ravel() for name in names])
for i, j in ((0, 1), (0, 2), (1, 2)):
    print(f"{names[i]} and {names[j]}: predictions correlate by {alike[i, j]:.2f}")

# %% [markdown]
# ## What nobody knows
#
# Which rule the synapses of a behaving animal follow. STDP was measured in slices, with pairings that hardly occur in
# life; in the intact brain, changes that last seconds, or need a dendrite's own spike, seem to do much of the work.
# How a single global signal could assign credit across the layers of a cortex, as backpropagation does, is open. So
# is whether weights move at all during fast learning, or only the activity.
#
# ## A task for a group, for a week
#
# Take `plasticity.record(rule=..., n_trials=..., rate=...)` and find the smallest experiment that tells its rule:
# fewest trials, shortest rests, slowest learning, with false alarms below one in twenty on `rule="none"`. Draw the
# border of what can be known. Then propose a fourth rule that your method would take for one of the three.
