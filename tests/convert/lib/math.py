bc = Process(cmdline = "echo 'scale={{precision}};{{command}}' | bc -l")
pi = bc(name = "pi").bind(command = "4*a(1)")
e  = bc(name = "e").bind(command = "e(1)")
