import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { sessionQuery } from '../../api/queries.js';

const BackfillModal = lazy(() =>
  import('../modals/BackfillModal.jsx').then((module) => ({ default: module.BackfillModal })),
);

/** Leads to the dialog of a backfill, where there is a schedule to go by and the role allows it. */
export function BackfillButton({ pipeline, onStarted }) {
  const { dialog } = useSearch({ from: '/app/pipelines/$pipelineId' });
  const navigate = useNavigate({ from: '/pipelines/$pipelineId' });
  const { data: user } = useQuery(sessionQuery);
  const broken = pipeline.errors?.length > 0;
  if (!pipeline.schedule || broken || !user || user.role === 'viewer') return null;
  const show = (change) =>
    navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false });
  return (
    <>
      <Button variant="default" aria-haspopup="dialog" onClick={() => show({ dialog: 'backfill' })}>
        Backfill…
      </Button>
      {dialog === 'backfill' && (
        <Suspense fallback={null}>
          <BackfillModal
            pipeline={pipeline}
            onClose={() => show({ dialog: undefined })}
            onStarted={(backfill) => {
              show({ dialog: undefined, tab: 'backfills' });
              onStarted(backfill);
            }}
          />
        </Suspense>
      )}
    </>
  );
}
