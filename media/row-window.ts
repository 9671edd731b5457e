/** The lines of a list that are in the DOM. Lines that scroll out of sight are filled again for rows that come into sight. */
export class RowWindow<Line extends Element = HTMLElement> {
  private readonly lines = new Map<number, Line>();

  /**
   * @param canvas holds the lines, in the order of their rows: that is what a screen reader goes by
   * @param make makes an empty line
   * @param fill shows a row in a line, which may have shown another one
   */
  constructor(
    private readonly canvas: Element,
    private readonly make: () => Line,
    private readonly fill: (line: Line, row: number) => void,
  ) {}

  /** The line that shows a row, where it is in the DOM. */
  get(row: number): Line | undefined {
    return this.lines.get(row);
  }

  /** All lines by row. */
  entries(): IterableIterator<[row: number, line: Line]> {
    return this.lines.entries();
  }

  /**
   * Makes `rows` the rows in the DOM. Lines that stay are not moved, so the focus stays in them.
   * @param rows ascending
   * @param changed true for rows whose line must be filled again although it stays
   */
  show(rows: readonly number[], changed: (row: number) => boolean = () => false): void {
    const wanted = new Set(rows);
    const spare: Line[] = [];
    for (const [row, line] of this.lines) {
      if (wanted.has(row)) continue;
      this.lines.delete(row);
      line.remove();
      spare.push(line);
    }
    let next: Line | null = null;
    for (const row of [...rows].reverse()) {
      const kept = this.lines.get(row);
      const line: Line = kept ?? spare.pop() ?? this.make();
      if (!kept || changed(row)) this.fill(line, row);
      if (!kept) {
        this.lines.set(row, line);
        this.canvas.insertBefore(line, next);
      }
      next = line;
    }
  }
}
