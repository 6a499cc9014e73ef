name = 'x'
number = 7
script = """#!/bin/bash
if [ "$1" = 'a' ]; then
  echo "it's \\"$1\\"" # quoted
fi
"""
raw = r'sed "s/\d+//" \1'
joined = ('one '
          "two's "  # with a comment
          'three')
both = 'say "it\'s"'
tab = 'a\tb\n\x41\u00e9\101\
c'
percent = '%s-%03d%%' % (name, number)
one = '%05.1f' % 2.5
named = '%(a)s/%(b)02d' % {'a': name, 'b': 4}
braces = '{} {0} {who} {{x}} 100%'.format(name, who = number) if False else '{1:>4}{0:03d} {{{{thermos.user}}}}'.format(number, name)
fancy = f'{name}-{number:03d}-{{{{thermos.task_id}}}}-50%'
mixed = 'a' f'{name}' "b%"
bash = 'cat <<EOF\n<<name>>\nEOF'
line = '-' * 5 + 'ab' * number
words = ' '.join([w.upper() for w in 'a b c'.split()])
cut = 'abcdef'[1:3] + 'abcdef'[:2] + 'abcdef'[-1]
test = 'abc'.startswith('a') and 'abc'.endswith('c')
swap = 'a-b'.replace('-', '+').strip()
unicode_text = u'größer'
text = '|'.join([script, raw, joined, both, tab, percent, one, named, braces, fancy, mixed, line, words, cut, str(test), swap, unicode_text, str(number), str(int('12') + 1), bash])
export(Task(name = 'strings', processes = [Process(name = 'p', cmdline = text)]))
