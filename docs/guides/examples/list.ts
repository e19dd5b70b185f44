// The newest jobs of one order that succeeded, a page at a time.
const api = process.env['FORETELL_URL'] ?? 'http://127.0.0.1:3000';
const authorization = `Bearer ${process.env['FORETELL_API_KEY'] ?? ''}`;

interface Page {
  data: { id: string; status: string; created_at: string }[];
  next_cursor: string | null;
}

const url = new URL('/v1/jobs', api);
url.searchParams.set('model', 'iris');
url.searchParams.set('status', 'succeeded');
url.searchParams.set('metadata.order', process.argv[2] ?? '17');
url.searchParams.set('created_after', '2026-01-01T00:00:00Z');
url.searchParams.set('limit', '100');
let cursor: string | null = null;
do {
  if (cursor) url.searchParams.set('cursor', cursor);
  const answer: Response = await fetch(url, { headers: { authorization } });
  if (!answer.ok) throw new Error(await answer.text());
  const page = (await answer.json()) as Page;
  for (const { id, status, created_at } of page.data) console.log(id, status, created_at);
  cursor = page.next_cursor;
} while (cursor);
