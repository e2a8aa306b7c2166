/** An icon with a ring that fills, as a data address. */
export function drawFavicon(share: number): string {
  const around = 2 * Math.PI * 12;
  const done = Math.max(0.02, Math.min(1, share)) * around;
  const ring = `<circle cx="16" cy="16" r="12" fill="none" stroke-width="6"`;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">` +
    `${ring} stroke="#d9cfc6"/>` +
    `${ring} stroke="#b45f16" stroke-dasharray="${done} ${around}" transform="rotate(-90 16 16)"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
