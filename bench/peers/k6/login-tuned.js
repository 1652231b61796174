// The same logins as fast as k6 and the extension do them: every VU keeps the credential that it made
// itself, and bodies are passed on as text.
import http from 'k6/http';
import { check, fail } from 'k6';
import exec from 'k6/execution';
import passkeys from 'k6/x/passkeys';

export { handleSummary } from './tally.js';

const origin = __ENV.ORIGIN;
const rp = passkeys.newRelyingParty('passrig demo', 'localhost', origin);
const params = { headers: { 'Content-Type': 'application/json' } };
let user;

export default function () {
  user ??= enroll(`tuned-${__ENV.RUN}-${exec.vu.idInTest}`);
  const options = http.post(`${origin}/api/login/options`, user.body, params);
  succeed(options, 200);
  const response = passkeys.createAssertionResponse(rp, user.credential, '', options.body);
  succeed(http.post(`${origin}/api/login/result`, `{"credential":${response}}`, params), 200);
  check(true, { success: (yes) => yes });
}

function enroll(username) {
  const body = JSON.stringify({ username });
  succeed(http.post(`${origin}/api/signup`, body, params), 201);
  // About one credential in 137 is malformed, and a relying party is right to refuse it.
  for (let attempt = 0; attempt < 5; attempt++) {
    const options = http.post(`${origin}/api/register/options`, '{}', params);
    succeed(options, 200);
    const credential = passkeys.newCredential();
    const response = passkeys.createAttestationResponse(rp, credential, options.body);
    if (http.post(`${origin}/api/register/result`, `{"credential":${response}}`, params).status === 201) {
      http.cookieJar().clear(origin);
      return { body, credential };
    }
  }
  return fail('no credential was accepted');
}

function succeed(answer, status) {
  if (answer.status !== status) {
    check(false, { success: (yes) => yes });
    fail(`${answer.url}: status ${answer.status}: ${answer.body}`);
  }
}
