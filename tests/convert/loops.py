for i in range(3):
  pass
a = 'x%d' % i
for i in range(4):
  b = i
for k, v in [('a', 1), ('b', 2)]:
  pass
c = [i for i in range(2)]
for j in [1]:
  d = j
for j in [2]:
  d = d + j
def f(xs):
  for x in xs:
    if x == 2: break
  return x
export(Task(name = 'four', processes = [Process(name = 'p', cmdline = '%s %d %s %d %d %d %d' % (a, b, k, v, c[1], d, f([1, 2, 3])))]))
