cfg = {'prod': {'n': 2, 'env': 'p'}, 'dev': {'n': 1, 'env': 'd'}}
def build(env, n):
  ps = []
  for i in range(n):
    name = '%s-%d' % (env, i)
    if i:
      opts = '--more'
    else:
      opts = ''
    ps.append(Process(name = name, cmdline = 'run {{flag}} %s' % opts))
  return ps
for env in sorted(cfg.keys()):
  c = cfg[env]
  procs = build(c['env'], c['n'])
  t = Task(name = 'task_' + env, processes = procs, constraints = order(*[p.name() for p in procs])) if False else Task(name = 'task_' + env, processes = procs)
  export(t.bind(flag = '--%s' % env))
base = dict(max_failures = 3, min_duration = 1)
w = Process(name = 'w', cmdline = '{{thermos.ports[http]}} {{thermos.task_id}}', **base)
export(Task(name = 'w', processes = [w(daemon = True, ephemeral = True), w(name = 'fin', final = True)], resources = Resources(cpu = 0.5, ram = 128 * MB, disk = GB), user = 'root'))
