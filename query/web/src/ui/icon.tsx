// A small set of line icons, drawn on a grid of 20. Always beside a text or a
// label, hence hidden from assistive technology.

const shapes = {
  contacts: "M10 10a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4ZM3.8 16.5c.6-3 3.1-4.6 6.2-4.6s5.6 1.6 6.2 4.6",
  traffic: "M3 16.5h14M5.2 13.5V9.8M10 13.5V4.5M14.8 13.5V7.4",
  funnel: "M3 4.5h14l-5.3 6.2v4.6l-3.4 1.6v-6.2L3 4.5Z",
  chat: "M4 4.5h12a1 1 0 0 1 1 1v7.3a1 1 0 0 1-1 1H9.2L5.4 16.9v-3.1H4a1 1 0 0 1-1-1V5.5a1 1 0 0 1 1-1Z",
  code: "M7 6 3 10l4 4M13 6l4 4-4 4",
  settings: "M3.5 6h7M14.5 6h2M3.5 14h2M9.5 14h7M12.5 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM7.5 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  search: "M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM13 13l4 4",
  filter: "M3 5.5h14M5.5 10h9M8 14.5h4",
  columns: "M3.5 4.5h13v11h-13zM8 4.5v11M12.3 4.5v11",
  download: "M10 3.5v8.6M6.4 8.8 10 12.4l3.6-3.6M3.8 16.2h12.4",
  close: "M5 5l10 10M15 5 5 15",
  down: "M5.5 8 10 12.5 14.5 8",
  up: "M5.5 12 10 7.5l4.5 4.5",
  plus: "M10 4.5v11M4.5 10h11",
  check: "M4.5 10.5 8.3 14.2 15.5 6",
  warn: "M10 3.6 17.4 16.4H2.6L10 3.6ZM10 8.4v3.6M10 14.2v.2",
  copy: "M7.5 7.5h8.7v8.7H7.5zM12.5 7.5V3.8H3.8v8.7h3.7",
  out: "M8 4H4v12h4M12.5 6.5 16 10l-3.5 3.5M16 10H8",
  page: "M5.5 3.5h6l3.2 3.2v9.8H5.5zM11.3 3.7v3.2h3.2",
  click: "M8 8l8.2 3-3.5 1.7L11 16.2 8 8ZM8 3v1.8M3 8h1.8M4.5 4.5l1.2 1.2",
  event: "M11 3.5 5.5 11h4l-.8 5.5L14.5 9h-4l.5-5.5Z",
  person: "M10 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM4.5 16.5c.4-2.8 2.7-4.3 5.5-4.3s5.1 1.5 5.5 4.3M14.5 4.5l1.2 1.2L18 3.3",
  menu: "M3.5 6h13M3.5 10h13M3.5 14h13",
  external: "M8 5H4.5v10.5H15V12M11 4.5h4.5V9M15.2 4.8 9 11",
  clock: "M10 16.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM10 6.5V10l2.5 1.6",
  save: "M4 4h9.5L16 6.5V16H4zM7 4v4h5V4M7 16v-4.5h6V16",
  megaphone: "M4 8.2v3.6h2.6l6.9 3.4V4.8L6.6 8.2H4ZM6.4 11.8l1.2 4h2M16 8.4a2.3 2.3 0 0 1 0 3.2",
  path: "M5 6.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6ZM15 16.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6ZM6.8 5H13a2.5 2.5 0 0 1 0 5H7a2.5 2.5 0 0 0 0 5h6.2",
  pin: "M10 17s-5.2-4.4-5.2-8.4a5.2 5.2 0 0 1 10.4 0C15.2 12.6 10 17 10 17ZM10 10.4a1.9 1.9 0 1 0 0-3.8 1.9 1.9 0 0 0 0 3.8Z",
  coins: "M8 9.5c2.8 0 5-1.1 5-2.5S10.8 4.5 8 4.5 3 5.6 3 7s2.2 2.5 5 2.5ZM3 7v3c0 1.4 2.2 2.5 5 2.5M3 10v3c0 1.4 2.2 2.5 5 2.5M12.5 9.5c2.5 0 4.5 1 4.5 2.3s-2 2.2-4.5 2.2S8 13 8 11.8s2-2.3 4.5-2.3ZM8 11.8v2.6c0 1.2 2 2.2 4.5 2.2s4.5-1 4.5-2.2v-2.6",
  trash: "M4 6h12M8 6V4h4v2M5.5 6l.8 10.5h7.4L14.5 6",
  branch: "M3 10h4.5M7.5 10c3 0 2.5-5 5.5-5h3.5M7.5 10c3 0 2.5 5 5.5 5h3.5M14.5 3l2 2-2 2M14.5 13l2 2-2 2",
  flag: "M5.5 17V3.5M5.5 4.3h9.3l-2.2 3.4 2.2 3.4H5.5",
} as const;

/** The name of an icon. */
export type IconName = keyof typeof shapes;

/** An icon as large as the text beside it. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={shapes[name]} />
    </svg>
  );
}
