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
# # 01 A brain and a machine
#
# **Can our methods understand a system that we built?** Before we ask what a brain does, we ask the same questions of
# a thing in which every wire is known. If our methods cannot understand a small processor, what did we mean by
# understanding when they "worked" on a brain?
#
# You need notebook 00, or a look at it. You do not need to know how a processor works; that is the point.

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
# In 2017 Eric Jonas and Konrad Kording took the chip of an old games console, simulated every transistor of it, and
# treated it as a brain: they recorded transistors while it played, lesioned them one by one, looked for tuning, for
# correlations, for the dimensions of the activity. The methods gave results, and figures like those of the field.
# None of them led to what an engineer would call an understanding: registers, an arithmetic unit, a clock, programs.
#
# One can answer that a brain is no processor: it was not designed, it degrades gracefully, it learns. True; but a
# method that cannot find structure where it is crisp must be believed with more care where it may be blurred. And one
# can turn the question round: what *would* have helped? Here the engineer's answer is known. It is the right level.
# Imagine that no instrument of yours is smaller than two feet, and somebody hands you a watch: whatever you do, you
# measure watches. Imagine that all of them are smaller than an atom: you measure atoms. Neither is where a watch is
# understood.
#
# Readings
#
# - Jonas & Kording 2017, could a neuroscientist understand a microprocessor: 10.1371/journal.pcbi.1005268
# - Lazebnik 2002, can a biologist fix a radio: 10.1016/S1535-6108(02)00133-2
# - Krakauer et al. 2017, neuroscience needs behaviour: 10.1016/j.neuron.2016.12.041
# - Fakhar & Hilgetag 2022, what lesions of all kinds can and cannot tell: 10.1371/journal.pcbi.1010250

# %% [markdown]
# ## The data: a processor that runs programs
#
# Our processor has eight bits, some registers, sixteen bytes of memory, and is built of gates; each gate drives one
# **net**, a wire that is 0 or 1. It runs five programs on random numbers: it multiplies, finds a common divisor,
# sorts, counts up a series, combines bits. We say that a net "spikes" when it steps from 0 to 1, and record all of
# them. The other thing that one would record is the field: all steps near by, added up.
#
# For an animal change the name, for instance into `"demo"`; the parts on lesions need a system that one can lesion.

# %%
import numpy as np
from scipy import stats

import neurodata4ml as nd
from neurodata4ml.course import riddles
from neurodata4ml.course.figures import brain_and_machine as figures
from neurodata4ml.course.grading import check
from neurodata4ml.systems import processor, processor_lesions

session = nd.open_session("processor")
known = nd.truth(session)
busy = session.isel(unit=np.flatnonzero((session.spike_stop - session.spike_start) > 60)[::4])
_ = nd.plot(busy, start=float(session.start_time[2]), seconds=0.06)

# %% [markdown]
# ## Part 1 – Look, tune, decode
#
# Each row above is a net, the rows are sorted by the quarter of the die in which the net lies. It looks like a brain:
# some units fire always, some now and then, many hardly ever.

# %%
counts = nd.bin_spikes(session, window=(0, 0.02), bin_width=0.02).isel(time=0)
place = np.stack([session.x.values, session.y.values], axis=1)
spikes = (session.spike_stop - session.spike_start).values
_ = figures.die(place, {"How often each net fires": np.log10(spikes + 1)}, name="spikes (powers of ten)")

# %% [markdown]
# ### Task 1A
#
# Which share of the units never fires in the whole recording?

# %%
### BEGIN SOLUTION
silent = (session.spike_start == session.spike_stop).mean()
### END SOLUTION

# %%
check("01-1A", silent, session=session)

# %% [markdown]
# Is a net *tuned* to the program that runs? Test each net that fires: do its counts in the first twenty milliseconds
# differ among programs more than within them? The control: the same with the labels of the trials shuffled.

# %%
labels = counts.stimulus.values.astype(str)
moving = counts.values[:, counts.values.std(axis=0) > 0]
shuffled = np.random.default_rng(0).permutation(labels)
groups = {"programs": labels, "programs, shuffled": shuffled}
p = {
    name: np.array([stats.kruskal(*(x[own == one] for one in np.unique(own))).pvalue for x in moving.T])
    for name, own in groups.items()
}
_ = figures.tuned(p)
print({name: f"{(its < 0.05).mean():.0%} of {moving.shape[1]} nets have p < 0.05" for name, its in p.items()})

# %% [markdown]
# Most of them. And from any handful of them the program can be read off:

# %%
few = counts.isel(unit=np.flatnonzero(counts.values.std(axis=0) > 0))
rng = np.random.default_rng(1)
for n_units in (5, 20, 80):
    some = few.isel(unit=np.sort(rng.choice(few.sizes["unit"], n_units, replace=False)))
    found = nd.decode(some, n_shuffles=20)
    print(f"from {n_units} nets: {found.score:.0%} of trials named rightly, {found.chance:.0%} by chance")

# %% [markdown]
# A result, honestly cross-validated, and it says nothing about what these nets do: no net is *for* a program. What is
# present everywhere can be decoded anywhere.
#
# ## Part 2 – Lesions
#
# Hold one net at 0, run every program, and see which go wrong. In an animal each of these is weeks of work; here all
# lesions take a second.

# %%
right = processor_lesions.lesions(n_inputs=4)
needed = right < 1
_ = figures.lesioned(needed, known.part.values)

# %% [markdown]
# ### Task 2A
#
# On the left, the second bar is the famous one: nets that one program alone needs. The paper had "Donkey Kong
# transistors". How many are there here? `needed` is an array of True and False, (unit, program).

# %%
### BEGIN SOLUTION
special = int((needed.sum("program") == 1).sum())
### END SOLUTION

# %%
check("01-2A", special, needed=needed)

# %% [markdown]
# And is a net that only sorting needs a *sorting net*? The right panel says where they lie: most are cells of the
# memory, and lines of the bus that leads from them, which no other program happens to use. A lesion tells for what a
# part is needed *in this experiment*. With fewer programs, more nets become special:

# %%
for names in (["multiply", "sort"], list(needed.program.values)):
    alone = needed.sel(program=names).sum("program") == 1
    print(f"with {len(names)} programs: {int(alone.sum())} nets are needed by one alone")

# %% [markdown]
# ### Task 2B
#
# Think before you compute. The carry flag `C` keeps the bit that fell out of the last sum, and the instruction `jc`
# jumps if it is set; no other instruction looks at it. Which programs still give right results with `C` stuck at 0?
# Programs are in `processor_programs.PROGRAMS[name].source`.

# %%
from neurodata4ml.systems.processor_programs import PROGRAMS

print(PROGRAMS["fibonacci"].source)

# %%
### BEGIN SOLUTION
survivors = [name for name, program in PROGRAMS.items() if "jc" not in program.source]
### END SOLUTION

# %%
survives = processor_lesions.register_lesions(stuck=0)
check("01-2B", survivors, survives=survives)

# %% [markdown]
# With a model of the machine one predicts what a lesion does; from the lesions alone nobody ever found the model.
#
# ## Part 3 – Reduce, correlate
#
# Take every net in every cycle of one multiplication and look for few components. Beside them, what the registers
# held in the same cycles. A component that follows a register would be a discovery.

# %%
run = processor.trace("multiply", [213, 171])
few = nd.latents(run.state.astype(float), method="pca", n_components=3)
_ = figures.components(few, run, first=0.02, seconds=0.06)
shares = ", ".join(f"{share:.0%}" for share in few.explained_variance.values)
held = run.register.values[:, run.register.values.std(axis=0) > 0]
alike = np.abs([[np.corrcoef(one, of)[0, 1] for of in held.T] for one in few.latents.values.T])
print(f"shares of the variance: {shares}")
print(f"largest correlation of each component with a register: {alike.max(axis=1).round(2)}")

# %% [markdown]
# Components there are, with a rhythm in them. They follow loops of the program and what travels on the bus; no
# register is among them.
#
# Can the wiring be found from correlations? Here is the correlation of every two nets over the cycles, and the wires.
#
# ### Task 3A
#
# Of all pairs of nets whose correlation is above `0.9` *in size*, which share is joined by a wire? `known.source` and
# `known.target` list the wires; a wire in either direction counts.

# %%
alike = processor.state_correlation(run.state)
print(f"{alike.sizes['unit']:,} nets, {known.sizes['wire']:,} wires")

# %%
### BEGIN SOLUTION
wired = np.zeros(alike.shape, dtype=bool)
wired[known.source.values, known.target.values] = True
wired |= wired.T
high = np.triu(np.abs(alike.values) > 0.9, 1)
share = wired[high].mean()
### END SOLUTION

# %%
check("01-3A", share, alike=alike, known=known)

# %% [markdown]
# ## Part 4 – The right level
#
# What an engineer would draw is coarse: a dozen parts, and for each register one number instead of eight nets.

# %%
_ = figures.parts(place, known.part.values)

# %% [markdown]
# ### Task 4A
#
# Seen as numbers the machine is easy. `unknown` is a run of one of the five programs, and you see nothing but the
# registers, cycle by cycle. Which program was it?

# %%
unknown = riddles.unknown_run()
print(unknown.register.sel(name=["PC", "A", "B", "OUT"])[3::4].to_pandas().to_string(max_rows=24))

# %%
### BEGIN SOLUTION
program = "divisor"  # A and B are 21 and 14, the smaller is taken from the larger, OUT is 7 at the end
### END SOLUTION

# %%
check("01-4A", program)

# %% [markdown]
# ## What could fool us
#
# Were the nets tuned to the *program*, or to something that comes along with it? The five programs differ in their
# first instructions, and the bus carries instructions. The control: decode the program from the bus alone, eight nets
# whose truth is that they carry whatever is asked of them from outside.

# %%
bus = counts.isel(unit=np.flatnonzero(known.part.values == "bus"))
found = nd.decode(bus, n_shuffles=20)
print(f"from the eight nets of the bus: {found.score:.0%} of trials, {found.chance:.0%} by chance")

# %% [markdown]
# What looked like knowledge of the task is knowledge of the input. In a brain: an area that "encodes the task" may
# receive what differs between the tasks, and a lesion that "abolishes the behaviour" may have cut a power line.
#
# ## What nobody knows
#
# Whether there is a level at which a brain is as easily told as this machine is by its registers. Evolution had no
# need to make one. Perhaps populations and their dynamics are that level, perhaps cell types, perhaps the behaviour;
# and perhaps the right coarse-graining can itself be found from data, which nobody has shown for a system of this
# kind.
#
# ## A task for a group, for a week
#
# Write a program of your own for the processor (`assembler.assemble`), give another group only the recording of its
# nets (`processor.record` shows how one is made) and the list of lesions, and let them say what it does. Then give
# them one more thing, of your choice: the registers, the wiring, the right to choose inputs. Which one helped most,
# and is there anything like it for a brain?
