GIGS = 2 * GB
one = SimpleTask('one', 'echo 1')
two = SequentialTask(
    name = 'two',
    processes = [
        Process(name = 'a', cmdline = 'echo a', final = False),

        # the last
        Process(name = 'b', cmdline = 'echo b', daemon = False)
    ],
    resources = Resources(cpu = 1.0, ram = GIGS, disk = 3 * MB + 1))
a = Process(name = 'x', cmdline = 'echo x')
b = Process(name = 'y', cmdline = 'echo y')
three = Task(name = 'three', processes = [a, b], constraints = order(a, b) + order('x', 'y'))
four = Tasks.combine(one, two)
export(one)
export(two)
export(three)
export(four(name = 'four'))
export(concat_tasks(one, two)(name = 'five'))
export(Tasks.combine(*[one, three])(name = 'six'))
export(Task(name = 'seven', processes = [a, b], constraints = order(*[p for p in [a, b]])))
