/** `██████░░░░`: a share from 0 to 1, on so many cells of a terminal. */
export function progressBar(share: number, cells: number): string {
  return "█".repeat(Math.floor(share * cells)).padEnd(cells, "░");
}
