// Logins in the shape of the example that comes with xk6-passkeys: one user, made in setup(), whose
// credential every iteration reads again.
import http from 'k6/http';
import { check, fail } from 'k6';
import passkeys from 'k6/x/passkeys';

export { handleSummary } from './tally.js';

const origin = __ENV.ORIGIN;
const rp = passkeys.newRelyingParty('passrig demo', 'localhost', origin);
const json = { 'Content-Type': 'application/json' };

export function setup() {
  const username = `k6-${__ENV.RUN}`;
  must(http.post(`${origin}/api/signup`, JSON.stringify({ username }), { headers: json }), 201);
  // About one credential in 137 is malformed, and a relying party is right to refuse it.
  for (let attempt = 0; attempt < 5; attempt++) {
    const options = http.post(`${origin}/api/register/options`, '{}', { headers: json });
    must(options, 200);
    const credential = passkeys.newCredential();
    const response = passkeys.createAttestationResponse(rp, credential, JSON.stringify(options.json()));
    const result = http.post(`${origin}/api/register/result`, `{"credential":${response}}`, { headers: json });
    if (result.status === 201) {
      return { username, credential: JSON.stringify(credential) };
    }
  }
  throw new Error('no credential was accepted');
}

export default function (data) {
  const credential = JSON.parse(data.credential);
  const options = http.post(`${origin}/api/login/options`, JSON.stringify({ username: data.username }), { headers: json, tags: { name: 'options' } });
  succeed(options);
  const response = passkeys.createAssertionResponse(rp, credential, '', JSON.stringify(options.json()));
  succeed(http.post(`${origin}/api/login/result`, `{"credential":${response}}`, { headers: json, tags: { name: 'result' } }));
  check(true, { success: (yes) => yes });
}

function must(answer, status) {
  if (answer.status !== status) {
    throw new Error(`${answer.url}: status ${answer.status}: ${answer.body}`);
  }
}

function succeed(answer) {
  if (answer.status !== 200) {
    check(false, { success: (yes) => yes });
    fail(`${answer.url}: status ${answer.status}: ${answer.body}`);
  }
}
