include('lib/math.thermos')

export(Task(name = "compute_pi", processes = [pi, e]) % {'precision': 500})
