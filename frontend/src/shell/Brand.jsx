/** The product's mark: a sluice gate between two posts. */
export function Brand({ size = 22 }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="var(--brand)" />
      <g stroke="var(--on-brand)" strokeWidth="3" strokeLinecap="round">
        <path d="M9 6v20M23 6v20" />
        <path d="M9 11h14M9 16h14" strokeLinecap="butt" />
        <path d="M14 22.5h4" opacity=".7" />
      </g>
    </svg>
  );
}
