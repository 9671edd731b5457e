import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkCode,
  type CodeFinding,
  type Family,
  isPersistent,
  moduleDigests,
} from '../../server/weights/network-code';
import { pythonStatements } from '../../server/weights/python-statements';

/** A module in our own words, built as networks are. */
const MODULE = `# A heading.
"""What this module is."""
import numpy as np
import torch
from torch_utils import persistence
from torch.nn.functional import silu

FACTOR = 0.5

def scaled(x, by=1e-3):
    """Not needed."""
    if by == 0: return x
    return x * by * FACTOR

class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q):
        return q[:, 0] @ q[..., 1:3].t()

@persistence.persistent_class
class Layer(torch.nn.Module):
    def __init__(self, width, up=False):
        assert not (up and width)
        super().__init__()
        self.name = f'{width}x{width}_layer'  # with a comment

    def forward(self, x):
        x = Op.apply(x) if self.training else scaled(x, by=0.001)
        return silu(x + (x if x.shape[1] != 3 else np.sqrt(2)))

@persistence.persistent_class
class Unused(torch.nn.Module):
    def forward(self, x):
        return x

@persistence.persistent_class
class Net(torch.nn.Module):
    def __init__(self, kind='Layer'):
        super().__init__()
        self.layer = globals()[kind](width=3)
        self.other = Layer(4) if kind else Unused()

    def forward(self, x, sigma, **more):
        y = self.layer(x.to(torch.float32) / (sigma ** 2 + 1).sqrt(), **more)
        return x + y * -sigma
`;

function familyOf(source: string): Family {
  const { names, acts } = moduleDigests(source);
  return {
    digests: new Map([...names].map(([name, { digest }]) => [name, [digest]])),
    acts: new Set(acts),
    persistent: new Set(pythonStatements(source).flatMap((one) => (isPersistent(one) ? one.binds : []))),
  };
}
const FAMILY = familyOf(MODULE);

/** What is found in a module that the classes Net and Layer come from. */
function finding(source: string, classes: readonly string[] = ['Net', 'Layer']): CodeFinding {
  return checkCode(
    classes.map((className) => ({ className, source })),
    [FAMILY],
  );
}

function changed(from: string, to: string): string {
  assert.ok(MODULE.includes(from), from);
  return MODULE.replace(from, to);
}

test('what a person changes without changing the code is published code', () => {
  const layouts: [string, string][] = [
    ['nothing', MODULE],
    ['line ends of Windows', MODULE.replace(/\n/g, '\r\n')],
    ['tabs', MODULE.replace(/ {4}/g, '\t')],
    [
      'comments and blank lines',
      MODULE.replace(/\n(def|class|@|    def)/g, '\n\n# a "comment\' (\n$1').replace(/# with.*/, ''),
    ],
    ['docstrings', changed('"""Not needed."""', "r'''Another\n\n    text: x = (1'''\n    'and one more'")],
    ['one statement a line', changed('if by == 0: return x', 'if (by == 0):\n        return (x)')],
    ['statements on one line', changed('super().__init__()\n        self.name', 'super().__init__(); self.name')],
    [
      'brackets and trailing commas',
      changed('scaled(x, by=0.001)', '(scaled(\n            x,\n            by=(0.001),\n        ))'),
    ],
    ['escaped line breaks', changed('return x * by * FACTOR', 'return x \\\n  * by \\\n * FACTOR')],
    ['numbers', changed('1e-3', '0.00_1')],
    ['quotes', changed("f'{width}x{width}_layer'", 'f"{width}x{width}" "_layer"')],
    ['imports together', changed('import numpy as np\nimport torch\n', 'import os, numpy as np, torch, \\\n  sys\n')],
    ['more in an import', changed('import silu', 'import (relu, silu,)')],
    [
      'a class that the network does not use',
      changed('        return x\n\n@persistence', '        return -x\n\n@persistence'),
    ],
    ['further code', `${MODULE}\nLIMIT = 5\n\ndef x(y):\n    return y\n\nclass Net2(Net): pass\n`],
    ['a program at the end', `${MODULE}\nif __name__ == '__main__':\n    main()\n`],
  ];
  for (const [what, source] of layouts) assert.deepEqual(finding(source), { is: 'published' }, what);
});

test('what changes the code is named', () => {
  const changes: [string, string, string[]][] = [
    ['a sign', changed('* -sigma', '* sigma'), ['Net']],
    ['a number in a layer', changed('!= 3', '!= 4'), ['Layer']],
    ['brackets that change the order', changed('x * by * FACTOR', 'x * (by + FACTOR)'), ['scaled']],
    ['a constant', changed('FACTOR = 0.5', 'FACTOR = 0.25'), ['FACTOR']],
    ['a default', changed('by=1e-3', 'by=1e-2'), ['scaled']],
    ['a class without its own source', changed('1:3', '1:2'), ['Op']],
    ['an import', changed('from torch.nn.functional import silu', 'from .layers import silu'), ['silu']],
    ['an import under another name', changed('import silu', 'import relu as silu'), ['silu']],
    ['a function in its place', changed('from torch.nn.functional import silu', 'def silu(x): return x'), ['silu']],
    ['a second definition', `${MODULE}\ndef scaled(x, by):\n    return x\n`, ['scaled']],
    ['a function of Python', `${MODULE}\ndef globals(): return {}\n`, ['globals']],
    ['a method from outside', `${MODULE}\nNet.forward = lambda self, x, sigma: x\n`, ['code outside of its classes']],
    ['a call', `${MODULE}\ntorch.set_default_dtype(torch.float64)\n`, ['code outside of its classes']],
    ['a call with a result', `${MODULE}\n_ = patch()\n`, ['code outside of its classes']],
    ['an import of everything', `${MODULE}\nfrom layers import *\n`, ['code outside of its classes']],
    ['a class within a condition', `${MODULE}\nif True:\n    class Layer: pass\n`, ['Layer']],
    ['a text that looks like a comment', changed("f'{width}x{width}_layer'", "'# with'"), ['Layer']],
    ['a tuple', changed('return x * by', 'return x, * by'), ['scaled']],
    ['a decorator', changed('@staticmethod\n', '@classmethod\n'), ['Op']],
    ['a comment in the place of the source', '# a fork of the network', ['its source has none of its classes']],
    ['a class less', changed('class Layer', 'class Other'), ['Layer (not in its source)']],
  ];
  for (const [what, source, differs] of changes) assert.deepEqual(finding(source), { is: 'other', differs }, what);
});

test('a file without source is told as one', () => {
  for (const source of ['', ' \n', 'source removed']) assert.deepEqual(finding(source), { is: 'absent' });
  // Only where all of it is missing.
  const mixed = checkCode(
    [
      { className: 'Net', source: MODULE },
      { className: 'Layer', source: '' },
    ],
    [FAMILY],
  );
  assert.equal(mixed.is, 'other');
});

test('a source that is broken, huge or made to hurt is told in one short line', () => {
  const million = (text: string): string => text.repeat(Math.floor(2 ** 20 / text.length) - 100);
  const sources: [string, string][] = [
    ['no Python', 'What is this?'],
    ['an open text', 'x = "abc'],
    ['an open bracket', 'x = (1,'],
    ['another bracket', 'x = (1]'],
    ['indented at will', 'if x:\n    y\n  z'],
    ['more than may be', 'x\n'.repeat(2 ** 20)],
    ['brackets', million('(')],
    ['brackets that close', `x = ${'['.repeat(5e5)}${']'.repeat(5e5)}`],
    ['signs', `x = ${million('-')}1`],
    ['not', `x = ${million('not ')}1`],
    ['lambdas', `x = ${million('lambda: ')}1`],
    ['sums', `class Net: x = ${million('a+')}1`],
    ['calls', `class Net: x = a${million('()')}`],
    ['powers', `x = ${million('a**')}1`],
    ['conditions', `x = ${million('a if b else ')}1`],
    ['elif', `if a: b\n${million('elif a: b\n')}`],
    ['blocks', Array.from({ length: 1400 }, (_, i) => `${' '.repeat(i)}if a:\n`).join('')],
    ['definitions', million('def Net(): pass\n')],
    ['texts', `x = ${million('"a" ')}`],
    ['escapes', `x = "${million('\\x41')}"`],
    ['quotes', `x = '''${million("''\\'")}`],
    ['numbers', `x = ${million('1')}`],
    ['line breaks', `x = 1${million('\\\n')}`],
    ['names of objects', 'constructor = toString\n__proto__ = hasOwnProperty\n'],
  ];
  for (const [what, source] of sources) {
    const found = finding(source);
    assert.equal(found.is, 'other', what);
    for (const text of found.is === 'other' ? found.differs : []) {
      assert.ok(text.length <= 120 && !/\p{Cc}/u.test(text), `${what}: ${text}`);
    }
  }
  const many = Array.from({ length: 50 }, (_, i) => ({ className: 'Net', source: `${MODULE}\nA = ${i}` }));
  assert.equal(checkCode(many, [FAMILY]).is, 'other');
});
