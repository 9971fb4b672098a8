import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { sessionQuery } from '../../api/queries.js';
import { mayAs } from '../../lib/access.js';
import { IconDownload } from '../../ui/icons.js';

const FORMATS = [
  ['csv', 'Export as CSV'],
  ['jsonl', 'Export as JSON lines'],
];

/** Downloads of a dataset's rows, all of them, for whoever may read rows. */
export function ExportButtons({ name }) {
  const { data: user } = useQuery(sessionQuery);
  if (!mayAs(user?.role, 'data_scientist')) return null;
  const path = `/api/v1/datasets/${encodeURIComponent(name)}/export`;
  return FORMATS.map(([format, label]) => (
    <Button
      key={format}
      component="a"
      href={`${path}?format=${format}`}
      download
      variant="default"
      leftSection={<IconDownload size={16} aria-hidden />}
    >
      {label}
    </Button>
  ));
}
