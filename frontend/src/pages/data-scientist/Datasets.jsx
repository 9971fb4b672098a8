import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { datasetsQuery } from '../../api/queries.js';
import { SearchField } from '../../components/forms/SearchField.jsx';
import { TableFrame } from '../../components/tables/TableFrame.jsx';
import table from '../../components/tables/table.module.css';
import { formatAmount, formatEstimate } from '../../lib/format.js';
import { NotCounted } from '../../ui/NotCounted.jsx';
import { EmptyState, NoMatch } from '../../ui/notices.jsx';
import { PageHead } from '../../ui/PageHead.jsx';
import { QueryState } from '../../ui/QueryState.jsx';
import { Time } from '../../ui/Time.jsx';
import classes from './datasets.module.css';

/** Every table that a pipeline has loaded. */
export function Datasets() {
  const query = useQuery(datasetsQuery);
  return (
    <>
      <PageHead
        title="Datasets"
        facts="A dataset is a table that a load job of a pipeline has filled."
      />
      <QueryState query={query} what="the datasets" rows={6}>
        {(datasets) => (
          <>
            <DatasetList datasets={datasets} />
            <NotListed />
          </>
        )}
      </QueryState>
    </>
  );
}

/** Where the table is that somebody looks for here in vain. */
function NotListed() {
  return (
    <details className={classes.notListed}>
      <summary>Why is a table not here?</summary>
      <p>
        The host lists and serves the tables whose loads it has written down, each with its rows and
        the run they came with. A table that only a transform writes (by SQL in the warehouse) or
        that something else has made has no such entry: the host does not know whose it is, so it is
        neither listed nor served. It is there in the database. To have it here, let a load job
        write it.
      </p>
    </details>
  );
}

function DatasetList({ datasets }) {
  const search = useSearch({ from: '/app/datasets' });
  const navigate = useNavigate({ from: '/datasets' });
  const setQuery = (q) => navigate({ search: { q }, replace: true, resetScroll: false });
  const wanted = (search.q ?? '').toLowerCase();
  const shown = datasets.filter(
    ({ name, columns }) =>
      name.toLowerCase().includes(wanted) ||
      columns.some((column) => column.name.toLowerCase().includes(wanted)),
  );
  if (datasets.length === 0) {
    return (
      <EmptyState
        title="Nothing loaded yet"
        action={<Link to="/pipelines">Go to the pipelines</Link>}
      >
        A table appears here after the first run that loads rows into it. Run a pipeline to make
        one.
      </EmptyState>
    );
  }
  return (
    <>
      <div className={classes.toolbar}>
        <SearchField
          label="Find a table or column"
          value={search.q}
          onChange={setQuery}
          className={classes.search}
        />
        <span className="muted numeric" role="status">
          {shown.length === datasets.length
            ? formatAmount(datasets.length, 'dataset')
            : `${shown.length} of ${formatAmount(datasets.length, 'dataset')}`}
        </span>
      </div>
      {shown.length === 0 ? (
        <NoMatch title="No dataset matches" onClear={() => setQuery(undefined)} />
      ) : (
        <DatasetTable datasets={shown} />
      )}
    </>
  );
}

function DatasetTable({ datasets }) {
  return (
    <TableFrame label="Datasets">
      <thead>
        <tr>
          <th scope="col">Table</th>
          <th scope="col" className={table.right}>
            Rows
          </th>
          <th scope="col">Last load</th>
          <th scope="col">Loaded by</th>
          <th scope="col">Columns</th>
        </tr>
      </thead>
      <tbody>
        {datasets.map((dataset) => (
          <tr key={dataset.name}>
            <td>
              <Link to="/datasets/$name" params={{ name: dataset.name }} className={classes.name}>
                {dataset.name}
              </Link>
            </td>
            <td className={table.right}>
              {dataset.row_count === null ? (
                <NotCounted />
              ) : (
                formatEstimate(dataset.row_count, dataset.row_count_exact)
              )}
            </td>
            <td>
              <Time value={dataset.last_load_at} />
            </td>
            <td>
              {dataset.pipeline_id && (
                <Link
                  to="/pipelines/$pipelineId"
                  params={{ pipelineId: dataset.pipeline_id }}
                  search={{ run: dataset.run_id ?? undefined }}
                >
                  {dataset.pipeline_id}
                </Link>
              )}
            </td>
            <td>
              <ColumnNames columns={dataset.columns} />
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}

function ColumnNames({ columns }) {
  const names = columns.map(({ name }) => name).join(', ');
  return (
    <div className={`${table.wideCut} truncate muted`} title={names}>
      <span className="numeric">{columns.length}</span> · {names}
    </div>
  );
}
