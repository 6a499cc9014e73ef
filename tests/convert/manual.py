# The examples of the manual, as their readers wrote them.

def make_mapper(id):
  return Process(
    name = "mapper%03d" % id,
    cmdline = "echo 'scale=50;s(%d*4*a(1)/180)' | bc -l > temp.sine_table.%03d" % (id, id))

def make_reducer():
  return Process(name = "reducer",
                 cmdline = "cat temp.* | nl > sine_table.txt && rm -f temp.*")

processes = map(make_mapper, range(18))

task = Task(
  name = "mapreduce",
  processes = processes + [make_reducer()],
  constraints = [Constraint(order = [mapper.name(), 'reducer']) for mapper in processes],
  max_concurrency = 8)

export(task)

export({
  'name': 'simple',
  'processes': [{
    'name': 'simple',
    'cmdline': 'echo hello world'
  }]
})

process = Process(cmdline = "echo hello world")
export(Task(name = "echoes", processes = [process(name = "first"), process(name = "second")],
            constraints = [Constraint(order = ["first", "second"])]))

template = Process(max_failures=10)
export(Task(name = "fail", processes = [template(name = "failing", cmdline = "exit 1"),
                                        template(name = "succeeding", cmdline = "exit 0")],
            max_failures=2))

hello = Process(name = "hello", cmdline = "echo hello {{first}}")
export(Task(name = 'bound', processes = [hello % {'first': 'brian'}, hello(name = 'two').bind(first = 'ada')]))
