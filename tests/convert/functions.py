processes = []

def add(name):
    processes.append(Process(name = name, cmdline = 'true'))

def add_to(given, name):
    given.append(name)
    given[0] = 'x'
    return given

def keep(ports, extra={}):
    names = []
    for port in ports:
        names.append('p%s' % port)
        names.extend([])
    merged = dict(extra)
    merged.update({'n': len(names)})
    merged['m'] = 1
    return names + [str(merged['n'])]

export(Task(name = 't', processes = [Process(name = n, cmdline = 'true') for n in keep([1, 2])] + [Process(name = 'z', cmdline = n) for n in add_to(['b'], 'c')]))
