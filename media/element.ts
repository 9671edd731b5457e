/**
 * Building DOM without markup: nothing that comes from a file can ever become an element or a script, nor turn the direction
 * in which a line is read.
 */
import { plainText } from '../server/shared/plain-text';

/** Attribute values; `false` and `undefined` leave the attribute out, `true` sets it empty. */
export type Attributes = Record<string, string | number | boolean | undefined>;

/** Attributes that are read out or shown. */
const READ = new Set(['title', 'alt', 'placeholder', 'aria-label', 'aria-description', 'aria-valuetext']);

/** Sets attributes of an element that is there, as `element` does for a new one. */
export function setAttributes(target: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    const text = value === true ? '' : String(value);
    target.setAttribute(name, READ.has(name) ? plainText(text) : text);
  }
}

function fill<E extends Element>(target: E, attributes: Attributes, children: readonly (Node | string)[]): E {
  setAttributes(target, attributes);
  target.append(...children.map((child) => (typeof child === 'string' ? plainText(child) : child)));
  return target;
}

/** An HTML element with attributes and children (strings become text). No `style` attribute: the CSP forbids it. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element with attributes and children. */
export function shape<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[Tag] {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

/** Shows a text in place of what the element holds. */
export function showText(target: Element, text: string): void {
  target.textContent = plainText(text);
}

/** The same, but leaves an element alone that shows the text already: no layout, and no screen reader repeats it. */
export function updateText(target: Element, text: string): void {
  const plain = plainText(text);
  if (target.textContent !== plain) target.textContent = plain;
}

/** A push button that does `action`. */
export function button(attributes: Attributes, label: string, action: () => void): HTMLButtonElement {
  const made = element('button', { type: 'button', ...attributes }, label);
  made.addEventListener('click', action);
  return made;
}

/** A description list of facts: label and value, in reading order. */
export function factList(facts: readonly (readonly [label: string, value: string])[]): HTMLElement {
  const pairs = facts.map(([label, value]) => element('div', {}, element('dt', {}, label), element('dd', {}, value)));
  return element('dl', { class: 'facts' }, ...pairs);
}
