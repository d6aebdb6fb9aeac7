// A department's program with the types of openapi-typescript: a token, then every page of each
// subscription that may be pulled, to the end. It tells one line of JSON.
import type { components, operations, paths } from "./api";

type Token =
  paths["/oauth/token"]["post"]["responses"]["200"]["content"]["application/json"];
type Subscriptions =
  paths["/v1/subscriptions"]["get"]["responses"]["200"]["content"]["application/json"];
type Page = operations["pullRecords"]["responses"]["200"]["content"]["application/json"];
type Asked = NonNullable<operations["pullRecords"]["parameters"]["query"]>;
type Place = operations["rewindSubscription"]["responses"]["200"]["content"]["application/json"];
type Rewind = operations["rewindSubscription"]["requestBody"]["content"]["application/json"];
type Problem = components["schemas"]["Problem"];
type Refusal =
  paths["/oauth/token"]["post"]["responses"]["401"]["content"]["application/json"];
type Receipt = components["schemas"]["ReceiptView"];

export type Published =
  paths["/v1/resources/{id}/records"]["post"]["responses"]["201"]["content"]["application/json"];
export const scope: components["schemas"]["EntryIn"]["share_scope"] = ["自治区各部门"];
export const accepted = (receipt: Receipt): number => receipt.accepted;

declare const process: { env: Record<string, string | undefined>; exitCode?: number };
const base = setting("SHUYUAN_BASE_URL");
const LIMIT = 5000;

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

async function told<T>(path: string, init: RequestInit): Promise<T> {
  const answer = await fetch(base + path, init);
  if (answer.ok) return (await answer.json()) as T;
  const refusal = (await answer.json()) as Problem | Refusal;
  const why = "code" in refusal ? refusal.code : refusal.error;
  throw new Error(`${path}: ${answer.status} ${why}`);
}

async function token(): Promise<string> {
  const known = `${setting("SHUYUAN_CLIENT_ID")}:${setting("SHUYUAN_CLIENT_SECRET")}`;
  const granted = await told<Token>("/oauth/token", {
    method: "POST",
    headers: { Authorization: `Basic ${btoa(known)}` },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  return granted.access_token;
}

async function earliest(id: string, headers: Record<string, string>): Promise<string> {
  const body = JSON.stringify({ to: "earliest" } satisfies Rewind);
  const said = { ...headers, "Content-Type": "application/json" };
  const path = `/v1/subscriptions/${id}/rewind`;
  return (await told<Place>(path, { method: "POST", headers: said, body })).cursor;
}

async function pulled(id: string, headers: Record<string, string>) {
  let cursor = await earliest(id, headers);
  let [records, pages] = [0, 0];
  for (;;) {
    const asked: Asked = { limit: LIMIT, wait: 0, cursor };
    const query = new URLSearchParams(
      Object.entries(asked).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const page = await told<Page>(`/v1/subscriptions/${id}/records?${query}`, { headers });
    if (page.items.length === 0) return { id, records, pages };
    for (const each of page.items) if (!each.key || !each.op) throw new Error("no record");
    records += page.items.length;
    pages += 1;
    cursor = page.next_cursor;
  }
}

async function main(): Promise<void> {
  const headers = { Authorization: `Bearer ${await token()}`, Accept: "application/json" };
  const mine = await told<Subscriptions>("/v1/subscriptions?status=active&limit=200", { headers });
  const found = [];
  for (const each of mine.items) if (each.mode === "pull") found.push(await pulled(each.id, headers));
  console.log(JSON.stringify(found));
}

main().catch((error: unknown) => {
  console.error(String(error));
  process.exitCode = 1;
});
