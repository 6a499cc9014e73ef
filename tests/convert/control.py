#!/usr/bin/env python
"""Loops and conditions."""
DEBUG = False
levels = ['a', 'b',
          'c']   # three
counts = {'x': 1, 'y': 2}

def pick(n, low=1, high=10):
    '''Says how large a number is.'''
    if n < low:  # small
        kind = 'low'
    elif low <= n < high:
        kind = 'middle'
    else:
        kind = 'high'
    return kind

def worker(name, **fields):
    return Process(name = name, **fields)

def no_value():
    pass

def total(limit):
    sum_of = 0
    i = 0
    while True:
        i += 1
        if i > limit:
            break
        if i % 2 == 0:
            continue
        sum_of += i
    return sum_of

processes = []
for i, level in enumerate(levels):
    # a comment inside
    command = 'echo %s %d' % (level, i)
    processes.append(Process(name = level, cmdline = command))

for key, value in counts.items():
    processes.append(worker(key, cmdline = 'echo %s' % value))

for key in sorted(counts):
    processes += [worker('s' + key, cmdline = 'echo %d' % counts[key], max_failures = 3)]

for (a, b), c in [((1, 2), 3)]:
    processes.append(worker('n%d%d%d' % (a, b, c), cmdline = 'true'))

for left, right in zip(['l'], ['r', 'q']):
    processes.append(worker(left + right, cmdline = 'true'))

if DEBUG:
    mode = 'debug'
else:
    mode = 'fast'

if not processes or (DEBUG and not levels):
    last = None
elif len(processes) > 100:
    last = 'many'
else:
    last = processes[-1]

n = 0
while n < 3:
    n = n + 1
    if n == 2:
        continue

first, second = 'f', 's'
first, second = second, first
x = y = 5
name = last and 'yes' or 'no'
fallback = None or 'default'
flag = 'on' if x is not None and 'x' in counts and 3 not in [1, 2] else 'off'
double = lambda v: v * 2
bits = 1 << 2 | 3
power = -2 ** 2
half = 7 // 2 + 9.0 / 2
tags = [str(i) for i in range(4) if i % 2]
pairs = [(p, q) for p in range(2) for q in 'ab' if p != 1]
lookup = {'k%d' % i: i * i for i in range(3)}
got = counts.get('x', 7) + counts.get('zz', 7)
slices = levels[1:] + levels[:1] + levels[0:2] + levels[:-1]
some = any(i > 2 for i in range(4)) and all([True, True])
merged = dict(counts, z = 3)
nested = dict(a = [1, 2], **counts)
indexes = [i for i, level in enumerate(levels) if level != 'b']
numbers = [0x1F, 0o17, 1000000, 1e3, .5, max(1, 2), abs(-3), sum([1, 2])]
both = [double(3), bits, power, half, tags, pairs, lookup['k2'], got, slices, some, len(merged), nested['a'], indexes, numbers, total(10)]
processes.append(Process(name = 'summary', cmdline = '%s %s %s %s %s %s' % (mode, first, x + y, name, fallback, flag)))
processes.append(Process(name = 'values', cmdline = ' '.join([str(v) for v in [double(3), bits, power, half, got, indexes[1], lookup['k2'], slices[0], total(10), len(tags), len(pairs), len(slices)]])))
processes.append(Process(name = pick(5), cmdline = pick(3, high = 2) + pick(0) + pick(20)))

assert len(processes) > 3, 'too few'
if len(processes) > 1000:
    raise ValueError('too many')

def late(fn, let = 2):
    def inner(z):
        return z + let
    return inner(fn)

export(SequentialTask(name = 'control', processes = processes).bind(do = late(1)))
