import { IconDatabaseImport, IconDownload, IconListCheck, IconTransform } from './icons.js';

const ICONS = {
  extract: IconDownload,
  check: IconListCheck,
  transform: IconTransform,
  load: IconDatabaseImport,
};

/** What kind of job it is, as a small icon where there is no room for the word. */
export function JobType({ type, className }) {
  const Icon = ICONS[type];
  if (!Icon) return <span className={className}>{type}</span>;
  return (
    <span className={className} title={type}>
      <Icon size={15} stroke={1.75} aria-hidden="true" />
      <span className="visually-hidden">{type}</span>
    </span>
  );
}
