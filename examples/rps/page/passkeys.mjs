// The management of passkeys below /passkeys, which three of the servers have in the same form.
import { call } from "/page/wire.mjs";

export const passkeys = () => call("GET", "/passkeys");
export const rename = (id, name) => call("PATCH", `/passkeys/${id}`, { json: { name } });
export const remove = (id) => call("DELETE", `/passkeys/${id}`);
