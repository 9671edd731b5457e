import { button, element, factList, setAttributes, showText } from '../element';
import type { Fact } from '../facts';
import { stepByKey } from '../keys';
import { enlarged } from './layout';

/** One sample, ready to be shown large. */
export interface Enlarged {
  url: string;
  /** Text alternative and heading. */
  text: string;
  facts: readonly Fact[];
  problem?: string;
  /** Absent where the sample has no seed or no run is known. */
  seed?: number;
  command?: string;
}

/** What the dialog asks of the panel. */
interface EnlargementNeeds {
  /** Goes to another sample, `by` positions on; the panel answers with `show`. */
  step(by: number): void;
  copy(text: string): void;
  openFile(): void;
  closed(): void;
}

/** The dialog that shows one sample as large as fits. Modal: the focus stays inside until Esc or Close. */
export class Enlargement {
  readonly element = element('dialog', { class: 'enlargement', 'aria-labelledby': 'enlargement-title' });
  private readonly title = element('h2', { id: 'enlargement-title', 'aria-live': 'polite' });
  private readonly image = element('img', { draggable: 'false' });
  private readonly stage = element('div', { class: 'stage' }, this.image);
  private readonly problem = element('p', { class: 'problem' });
  private readonly facts = element('div', { class: 'fact-box' });
  private readonly said = element('p', { class: 'said', role: 'status' });
  private readonly copySeed = button({ class: 'secondary' }, 'Copy seed', () =>
    this.copy(this.shown?.seed, 'Seed copied'),
  );
  private readonly copyCommand = button({}, 'Copy generate command', () =>
    this.copy(this.shown?.command, 'Command copied'),
  );
  private shown?: Enlarged;

  constructor(private readonly needs: EnlargementNeeds) {
    const close = button({ class: 'icon', 'aria-label': 'Close', title: 'Close (Esc)' }, '×', () =>
      this.element.close(),
    );
    this.element.append(
      element('header', {}, this.title, close),
      this.stage,
      element(
        'div',
        { class: 'side' },
        this.problem,
        this.facts,
        element(
          'div',
          { class: 'actions' },
          element(
            'div',
            { class: 'pair' },
            button({ class: 'secondary' }, 'Previous', () => needs.step(-1)),
            button({ class: 'secondary' }, 'Next', () => needs.step(1)),
          ),
          this.copySeed,
          this.copyCommand,
          button({ class: 'secondary' }, 'Open file', () => needs.openFile()),
        ),
        this.said,
      ),
    );
    this.image.addEventListener('load', () => this.fit());
    this.image.addEventListener('error', () => this.fail('The image cannot be shown'));
    new ResizeObserver(() => this.fit()).observe(this.stage);
    this.element.addEventListener('close', () => needs.closed());
    this.element.addEventListener('keydown', (event) => this.key(event));
  }

  get isOpen(): boolean {
    return this.element.open;
  }

  /** Shows a sample, opening the dialog where it is closed. */
  show(sample: Enlarged): void {
    const changed = this.shown?.url !== sample.url;
    this.shown = sample;
    showText(this.title, sample.text);
    this.facts.replaceChildren(factList(sample.facts));
    this.copySeed.hidden = sample.seed === undefined;
    this.copyCommand.hidden = sample.command === undefined;
    setAttributes(this.image, { alt: sample.text });
    if (changed) {
      this.image.hidden = false;
      this.image.src = sample.url;
    }
    showText(this.problem, sample.problem ?? '');
    showText(this.said, '');
    if (!this.isOpen) this.element.showModal();
  }

  /** Closes the dialog where it is open. */
  close(): void {
    if (this.isOpen) this.element.close();
  }

  private copy(what: string | number | undefined, said: string): void {
    if (what === undefined) return;
    this.needs.copy(String(what));
    showText(this.said, said);
  }

  private fail(problem: string): void {
    this.image.hidden = true;
    showText(this.problem, this.shown?.problem ?? problem);
  }

  private fit(): void {
    const { naturalWidth, naturalHeight } = this.image;
    if (naturalWidth === 0 || this.stage.clientWidth === 0) return;
    const room = { width: this.stage.clientWidth, height: this.stage.clientHeight };
    const [width, height] = enlarged(naturalWidth, naturalHeight, room);
    this.image.style.width = `${width}px`;
    this.image.style.height = `${height}px`;
    this.image.classList.toggle('pixelated', width > naturalWidth);
  }

  private key(event: KeyboardEvent): void {
    const by = stepByKey(event.key);
    if (by !== undefined && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      this.needs.step(by);
    } else if (event.key === 'Tab') {
      this.keepFocus(event);
    }
  }

  /** The page under the dialog is inert, but from the last button Tab would still leave the webview's frame. */
  private keepFocus(event: KeyboardEvent): void {
    const buttons = [...this.element.querySelectorAll<HTMLButtonElement>('button:not([hidden])')];
    const edge = buttons.at(event.shiftKey ? 0 : -1);
    if (document.activeElement !== edge && document.activeElement !== this.element) return;
    event.preventDefault();
    buttons.at(event.shiftKey ? -1 : 0)?.focus();
  }
}
