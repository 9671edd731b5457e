/** Building DOM without markup: nothing that comes from a file can ever become an element or a script. */

/** Attribute values; `false` and `undefined` leave the attribute out, `true` sets it empty. */
export type Attributes = Record<string, string | number | boolean | undefined>;

function fill<E extends Element>(target: E, attributes: Attributes, children: readonly (Node | string)[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) target.setAttribute(name, value === true ? '' : String(value));
  }
  target.append(...children);
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
