import { UserError } from '../errors';
import type { Budget } from './budget';
import type { ByteCursor } from './byte-cursor';
import { valueText } from './value-text';

/** A name that a pickle may use. What a call of it gives is decided here; no Python code ever runs. */
export class PickleGlobal {
  /**
   * @param name `module qualname`
   * @param call what `name(*args)` gives; undefined for a name that is data (a storage type)
   */
  constructor(
    readonly name: string,
    readonly call?: (args: readonly unknown[]) => unknown,
  ) {}
}

/** An object as its parts: class, constructor arguments, and the state that BUILD gave it. */
export class PickleObject {
  state: unknown = null;

  constructor(
    readonly global: string,
    readonly args: readonly unknown[],
  ) {}
}

/** What a pickle may contain. */
export interface PickleRules {
  /** The names that are accepted; all others are refused. */
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /**
   * Further names that are accepted, for what nothing is needed of: what they make is kept as a {@link PickleObject}, and
   * what is put into it is left out.
   */
  readonly isHarmless?: (module: string, name: string) => boolean;
  /** Accepts further names (`module qualname`), by a pattern. */
  readonly find?: (name: string) => PickleGlobal | undefined;
  /** The object that a persistent id stands for. */
  readonly persistentLoad?: (id: unknown) => unknown;
  /** What such pickles hold, for messages; default `EDM network`. */
  readonly contains?: string;
}

/** Longest text and integer of any network: protocol 2 writes a tensor's bytes as text. */
const MAX_TEXT_BYTES = 128 * 2 ** 20;
const MAX_INTEGER_BYTES = 64;

/** Bytes of memory by estimate: of what any operation leaves (an object, a place in a list, dict or memo), and of a dict. */
const OPERATION_BYTES = 64;
export const DICT_BYTES = 192;
/** Of a text, for each byte in the file, while it is decoded. */
const TEXT_BYTES = 2;

const utf8 = new TextDecoder();

/**
 * Reads one pickle of protocol 2 to 5 and stops after it. Dicts become Maps, lists, tuples and sets arrays, byte
 * strings {@link ByteRange}s, integers numbers (bigint beyond 2^53). Source: Python's pickletools.
 * @throws UserError when the stream is cut off, malformed, or names anything outside `rules.globals`
 */
export function unpickle(cursor: ByteCursor, rules: PickleRules): unknown {
  return new PickleMachine(cursor, rules).run();
}

class PickleMachine {
  stack: unknown[] = [];
  readonly marks: unknown[][] = [];
  readonly memo = new Map<number, unknown>();
  /** Of the file and all streams nested in it, so that a small file cannot become large in memory. */
  private readonly budget: Budget;

  constructor(
    readonly cursor: ByteCursor,
    readonly rules: PickleRules,
  ) {
    this.budget = cursor.file.budget;
  }

  run(): unknown {
    if (this.cursor.uint8() !== PROTO) this.fail('it does not start like a pickle of protocol 2 to 5');
    this.cursor.position--;
    for (;;) {
      this.budget.spend(1);
      this.budget.hold(OPERATION_BYTES);
      const code = this.cursor.uint8();
      if (code === STOP) return this.pop();
      const operation = OPERATIONS.get(code);
      if (!operation) {
        return this.fail(
          `operation 0x${code.toString(16)} at byte ${this.cursor.position - 1} is not one of protocol 2 to 5`,
        );
      }
      operation(this);
    }
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  pop(): unknown {
    if (!this.stack.length) this.fail('it takes a value from an empty stack');
    return this.stack.pop();
  }

  top(): unknown {
    if (!this.stack.length) this.fail('it uses a value of an empty stack');
    return this.stack[this.stack.length - 1];
  }

  /** The values since the last mark. */
  popMark(): unknown[] {
    const values = this.stack;
    this.stack = this.marks.pop() ?? this.fail('a mark is missing');
    return values;
  }

  popMany(count: number): unknown[] {
    if (this.stack.length < count) this.fail('it takes values from an empty stack');
    return this.stack.splice(this.stack.length - count);
  }

  text(length: number): string {
    this.cursor.need(length);
    if (length > MAX_TEXT_BYTES) this.fail(`a text of ${length} bytes is longer than any network's`);
    this.budget.hold(TEXT_BYTES * length);
    return utf8.decode(this.cursor.take(length));
  }

  line(): string {
    const bytes: number[] = [];
    for (let byte = this.cursor.uint8(); byte !== 0x0a; byte = this.cursor.uint8()) {
      if (bytes.push(byte) > 1024) this.fail('a name is too long');
    }
    return String.fromCharCode(...bytes);
  }

  /** Two's complement, little-endian. */
  integer(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES) this.fail(`an integer of ${length} bytes is longer than any network's`);
    let value = 0n;
    this.cursor.take(length).forEach((byte, i) => (value |= BigInt(byte) << BigInt(8 * i)));
    value = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  global(module: unknown, name: unknown): PickleGlobal {
    if (typeof module !== 'string' || typeof name !== 'string') {
      return this.fail(`it names something to load by ${valueText(module)} and ${valueText(name)} instead of texts`);
    }
    const id = `${module} ${name}`;
    const global = this.rules.globals.get(id) ?? this.rules.find?.(id);
    if (global) return global;
    if (this.rules.isHarmless?.(module, name)) return new PickleGlobal(id, (args) => new PickleObject(id, args));
    const full = `${module.slice(0, 200)}.${name}`.slice(0, 200);
    throw new UserError(
      `${this.cursor.file.path}: refused to load ${JSON.stringify(full)}, which no ${this.rules.contains ?? 'EDM network'} contains. Nothing in the file was executed. Use a file from a source you trust`,
    );
  }

  call(callee: unknown, args: unknown): unknown {
    if (!(callee instanceof PickleGlobal) || !callee.call || !Array.isArray(args)) {
      return this.fail('it calls something that cannot be called');
    }
    return callee.call(args);
  }

  recall(index: number): void {
    if (!this.memo.has(index)) this.fail(`it refers to object ${index}, which does not exist`);
    this.push(this.memo.get(index));
  }

  append(items: readonly unknown[]): void {
    const list = this.top();
    if (list instanceof PickleObject) return;
    if (!Array.isArray(list)) this.fail('it appends to something that is not a list');
    for (const item of items) (list as unknown[]).push(item);
  }

  setItems(items: readonly unknown[]): void {
    const dict = this.top();
    if (dict instanceof PickleObject) return;
    if (!(dict instanceof Map) || items.length % 2) this.fail('it sets items of something that is not a dict');
    for (let i = 0; i < items.length; i += 2) (dict as Map<unknown, unknown>).set(items[i], items[i + 1]);
  }

  /** Attributes of a dict (torch adds `_metadata` to state dicts) are not needed and are dropped. */
  build(state: unknown): void {
    const object = this.top();
    if (object instanceof PickleObject) object.state = state;
    else if (!(object instanceof Map)) this.fail('it sets the state of something that has none');
  }

  persistent(id: unknown): unknown {
    return this.rules.persistentLoad
      ? this.rules.persistentLoad(id)
      : this.fail('it refers to objects outside the file');
  }

  emptyDict(): void {
    this.budget.hold(DICT_BYTES);
    this.push(new Map());
  }

  dict(items: readonly unknown[]): void {
    this.emptyDict();
    this.setItems(items);
  }

  fail(problem: string): never {
    return this.cursor.file.fail(problem);
  }
}

const PROTO = 0x80;
const STOP = 0x2e;

/** The operations of protocols 2 to 5 that pickles of networks use, with the names of pickletools. */
const OPERATIONS: ReadonlyMap<number, (m: PickleMachine) => void> = new Map<number, (m: PickleMachine) => void>([
  [PROTO, (m) => void m.cursor.uint8()],
  [0x95, (m) => void m.cursor.need(m.cursor.uint64())], // FRAME
  // Stack
  [0x28, (m) => void (m.marks.push(m.stack), (m.stack = []))], // MARK
  [0x30, (m) => void m.pop()], // POP
  [0x31, (m) => void m.popMark()], // POP_MARK
  [0x32, (m) => m.push(m.top())], // DUP
  // Constants and numbers
  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4a, (m) => m.push(m.cursor.int32())], // BININT
  [0x4b, (m) => m.push(m.cursor.uint8())], // BININT1
  [0x4d, (m) => m.push(m.cursor.uint16())], // BININT2
  [0x8a, (m) => m.push(m.integer(m.cursor.uint8()))], // LONG1
  [0x8b, (m) => m.push(m.integer(m.cursor.uint32()))], // LONG4
  [0x47, (m) => m.push(m.cursor.float64BigEndian())], // BINFLOAT
  // Text and bytes
  [0x54, (m) => m.push(m.text(m.cursor.uint32()))], // BINSTRING
  [0x55, (m) => m.push(m.text(m.cursor.uint8()))], // SHORT_BINSTRING
  [0x58, (m) => m.push(m.text(m.cursor.uint32()))], // BINUNICODE
  [0x8c, (m) => m.push(m.text(m.cursor.uint8()))], // SHORT_BINUNICODE
  [0x8d, (m) => m.push(m.text(m.cursor.uint64()))], // BINUNICODE8
  [0x42, (m) => m.push(m.cursor.skip(m.cursor.uint32()))], // BINBYTES
  [0x43, (m) => m.push(m.cursor.skip(m.cursor.uint8()))], // SHORT_BINBYTES
  [0x8e, (m) => m.push(m.cursor.skip(m.cursor.uint64()))], // BINBYTES8
  [0x96, (m) => m.push(m.cursor.skip(m.cursor.uint64()))], // BYTEARRAY8
  // Containers
  [0x29, (m) => m.push([])], // EMPTY_TUPLE
  [0x74, (m) => m.push(m.popMark())], // TUPLE
  [0x85, (m) => m.push(m.popMany(1))], // TUPLE1
  [0x86, (m) => m.push(m.popMany(2))], // TUPLE2
  [0x87, (m) => m.push(m.popMany(3))], // TUPLE3
  [0x5d, (m) => m.push([])], // EMPTY_LIST
  [0x6c, (m) => m.push(m.popMark())], // LIST
  [0x61, (m) => m.append([m.pop()])], // APPEND
  [0x65, (m) => m.append(m.popMark())], // APPENDS
  [0x7d, (m) => m.emptyDict()], // EMPTY_DICT
  [0x64, (m) => m.dict(m.popMark())], // DICT
  [0x73, (m) => m.setItems(m.popMany(2))], // SETITEM
  [0x75, (m) => m.setItems(m.popMark())], // SETITEMS
  [0x8f, (m) => m.push([])], // EMPTY_SET: a list will do for every network
  [0x90, (m) => m.append(m.popMark())], // ADDITEMS
  [0x91, (m) => m.push(m.popMark())], // FROZENSET
  // Memo
  [0x68, (m) => m.recall(m.cursor.uint8())], // BINGET
  [0x6a, (m) => m.recall(m.cursor.uint32())], // LONG_BINGET
  [0x71, (m) => void m.memo.set(m.cursor.uint8(), m.top())], // BINPUT
  [0x72, (m) => void m.memo.set(m.cursor.uint32(), m.top())], // LONG_BINPUT
  [0x94, (m) => void m.memo.set(m.memo.size, m.top())], // MEMOIZE
  // Objects
  [0x63, (m) => m.push(m.global(m.line(), m.line()))], // GLOBAL
  [0x93, (m) => m.push(m.global(...(m.popMany(2) as [unknown, unknown])))], // STACK_GLOBAL
  [0x52, (m) => m.push(m.call(...(m.popMany(2) as [unknown, unknown])))], // REDUCE
  [0x81, (m) => m.push(m.call(...(m.popMany(2) as [unknown, unknown])))], // NEWOBJ
  [0x92, (m) => (m.pop(), m.push(m.call(...(m.popMany(2) as [unknown, unknown]))))], // NEWOBJ_EX
  [0x62, (m) => m.build(m.pop())], // BUILD
  [0x51, (m) => m.push(m.persistent(m.pop()))], // BINPERSID
]);
