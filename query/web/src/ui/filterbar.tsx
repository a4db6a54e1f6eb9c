// Filters as chips, with a small form to add one.
import { useState } from "preact/hooks";
import { dimensionLabel, dimensions, dimensionValueOf, filterOperators, formatFilter, readFilters, withFilter, type Dimension, type Filter, type FilterOperator } from "../filters";
import { place, setQuery } from "../url";
import { Choice, Menu } from "./basics";
import { Icon } from "./icon";

/** Puts filters into the address; a changed list begins at its first page. */
export function applyFilters(filters: Filter[]): void {
  setQuery({ f: filters.map(formatFilter), cursor: null });
}

/** Adds a filter to the address. */
export function addFilter(filter: Filter): void {
  applyFilters(withFilter(readFilters(place.value.query), filter));
}

/** The filters that are in force, each with a button that removes it. */
export function FilterChips() {
  const filters = readFilters(place.value.query);
  if (filters.length === 0) return null;
  return (
    <ul class="chips" aria-label="Filters in force" data-testid="filters">
      {filters.map((f) => (
        <li key={formatFilter(f)} class="chip">
          <span>
            {dimensionLabel(f.dimension)} {filterOperators.find((o) => o.id === f.operator)?.label} <strong>{dimensionValueOf(f)}</strong>
          </span>
          <button type="button" aria-label={`Remove the filter ${dimensionLabel(f.dimension)} ${f.value}`} onClick={() => applyFilters(filters.filter((o) => o !== f))}>
            <Icon name="close" />
          </button>
        </li>
      ))}
      <li>
        <button type="button" class="link" onClick={() => applyFilters([])} data-testid="clear-filters">
          Clear filters
        </button>
      </li>
    </ul>
  );
}

/** The button that opens the form. */
export function FilterMenu() {
  return (
    <Menu label="Filter" icon="filter" testid="add-filter">
      {(close) => <FilterForm onDone={close} />}
    </Menu>
  );
}

function FilterForm({ onDone }: { onDone: () => void }) {
  const [dimension, setDimension] = useState<Dimension>("source");
  const [operator, setOperator] = useState<FilterOperator>("is");
  const [value, setValue] = useState("");
  const submit = (e: Event) => {
    e.preventDefault();
    if (!value.trim()) return;
    addFilter({ dimension, operator, value: value.trim() });
    onDone();
  };
  return (
    <form class="filter-form" onSubmit={submit}>
      <Choice label="Field" value={dimension} options={dimensions} onChange={(id) => setDimension(id as Dimension)} testid="filter-dimension" />
      <Choice label="Comparison" value={operator} options={filterOperators} onChange={(id) => setOperator(id as FilterOperator)} testid="filter-operator" />
      <label>
        Value
        <input type="text" value={value} onInput={(e) => setValue(e.currentTarget.value)} maxLength={400} placeholder="google" data-testid="filter-value" />
      </label>
      <p class="hint">Use (none) for an empty value, and two letters for a country.</p>
      <button type="submit" class="button button-main" disabled={!value.trim()} data-testid="filter-apply">
        Add filter
      </button>
    </form>
  );
}
