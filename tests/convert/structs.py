from pystachio import *

class Package(Struct):
  """What is installed."""
  name = Required(String)  # as the index knows it
  version = Default(Integer, 1)

# A role with its packages.
class Profile(Struct):
  package = Required(Package)
  labels = Map(String, Integer)
  others = List(Package)
  size = Enum('small', 'large')
  color = Default(Enum('Color', ('red', 'blue')), 'red')
  either = Choice([Integer, String])

class Nothing(Struct):
  pass

profile = Profile(
  package = Package(name = 'web'),  # the server
  labels = {'b': 2, 'a': 1},
  # one more
  others = [Package(name = 'lib', version = 3)],
  size = 'large',
)

run = Process(
  name = 'run',
  cmdline = 'install {{profile.package.name}} {{profile.package.version}} {{profile.others[0].name}} {{profile.color}}',
)

export(Task(name = 'install', processes = [run]).bind(profile = profile))
