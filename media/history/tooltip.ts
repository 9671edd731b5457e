import { element, factList } from '../element';
import { resultText } from '../../server/shared/number-text';
import { cautionText, recordFacts } from '../facts';
import type { HistoryRecord } from '../../server/shared/protocol';

/** Time to move the pointer from a point onto its tooltip before it is hidden. */
const GRACE_MS = 200;
const DISTANCE = 12;

/** The card beside a chart point. It stays while the pointer is on it; Esc hides it. */
export class Tooltip {
  readonly element = element('div', { class: 'tooltip', id: 'tooltip', role: 'tooltip', hidden: true });
  private timer = 0;

  constructor() {
    this.element.addEventListener('pointerenter', () => clearTimeout(this.timer));
    this.element.addEventListener('pointerleave', () => this.hide());
    document.addEventListener('keydown', (event) => event.key === 'Escape' && this.hide());
    window.addEventListener('scroll', () => this.hide(), { capture: true, passive: true });
  }

  /** Shows what is known of `record` beside `anchor`, inside the window. @param published what the paper reports for it */
  show(record: HistoryRecord, anchor: Element, published: string | undefined): void {
    clearTimeout(this.timer);
    const caution = cautionText(record);
    this.element.replaceChildren(
      element('strong', {}, resultText(record)),
      ...(caution ? [element('p', { class: 'caution' }, caution)] : []),
      factList([...recordFacts(record), ...(published ? [['Published', published] as const] : [])]),
    );
    this.element.hidden = false;
    const at = anchor.getBoundingClientRect();
    const own = this.element.getBoundingClientRect();
    const right = at.right + DISTANCE;
    const left = right + own.width > innerWidth ? Math.max(0, at.left - DISTANCE - own.width) : right;
    const top = Math.max(0, Math.min(at.top - own.height / 3, innerHeight - own.height - 4));
    this.element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  /** Hides the card after a moment, unless the pointer has reached it. */
  hideSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.hide(), GRACE_MS);
  }

  /** Hides the card at once. */
  hide(): void {
    clearTimeout(this.timer);
    this.element.hidden = true;
  }
}
