# Each of these is told.
import os
from getpass import getuser
import textwrap as tw

HOME = os.environ['HOME']  # of the one who submits
user = getuser()

class Plain(object):
    def method(self):
        return 1

@cached
def decorated():
    return 1

with open('x') as f:
    text = f.read()

try:
    a = 1
except ValueError:
    a = 2

def counted():
    global count
    count = 1
    return [*[1], 2]

for i in range(3):
    pass
else:
    pass

value = isinstance(a, int)
p = Process(name = 'p', cmdline = 'true')
p.name = 'q'
odd = '%r' % p
if __name__ == '__main__':
    print('main')
ids = {1, 2}
def generator():
    yield 1
def generator():
    return 2
export(Task(name = 'rest', processes = [p]))
