# a call that spans lines, with odd breaks
p = Process(
  name = 'a', cmdline = 'echo '
    '%s' % 'x' +
    ' y')
q = p(name = 'b')(max_failures = 2)
def f(x): return x + 'z'
def g(x, y = 'k', z = 'm'):
  """Doc.

  More.
  """
  if x == 'a': return f(x)
  # before else
  else:
    return x + y + z
def h(): return None
names = [f(n) for n in ['q', 'w']]
names.extend(['e'])
names += ['r']
names[0] = 'first'
del_me = names.pop()
d = {}
d['x'] = 'y'
d.update({'w': 'v'})
for n in names:
  for m in range(2):
    last = n + str(m)
total = 0
for i in range(1, 6, 2): total += i
res = [n for n in names if n.startswith('f') or n == 'e']
res2 = list(map(lambda v: v + '!', names))
res3 = list(filter(lambda v: v != 'e', names))
nested = [[i, j] for i in range(2) for j in range(i)]
msg = 'a' if total == 9 else 'b' if total == 8 else 'c'
neg = -3 % 5 if False else 2
s = 'x=%d, y=%s' % (total, last) + ', z=%5.2f|%-4s|%4s' % (1.234, 'l', 'r')
t = "%s" % 'single'
u = 'tab\there' 'and "quotes"' "and 'single'"
v = r'\n' + "\\" + '\''
sq = [x * x for x in range(4)]
mx = max(3, 4) + min(1, 2) + len('abc') + abs(-2) + int('7')
empty = not [] and not {} and not '' and not 0
combo = (1 < 2 <= 3) and not (4 in [1, 2]) and 5 not in [6]
z1 = x1 = 'multi'
(one, two), three = ('1', '2'), '3'
text = ' '.join([g('a'), g('b'), g('b', z = '9'), g(x = 'c', y = 'd'), names[0], d['x'], last, msg, s, t, u, v, str(sq[3]), str(mx), str(empty), str(combo), z1, one, two, three, str(nested[0][1]), ','.join(res), ','.join(res2), ','.join(res3), str(neg), d.get('w', '-'), d.get('nope', '-'), str(1.5), str(2.0), '%s' % True, f'{combo}', '{:.2f}'.format(3.14159), '{:d}'.format(3), f'{total:>5d}|{last:<6s}|'])
r = Process(name = 'c', cmdline = text)
export(Task(name = 'two', processes = [p, q, r], constraints = order('a', 'b') + order('b', 'c')))
