/** @param message why the last try did not do; plain text of ours. */
export function loginPage(action: string, message = ''): string {
  return document(`<form method="post" action="${action}">
<p role="alert">${message}</p>
<input type="hidden" name="username" value="admin" autocomplete="username">
<label>Password <input type="password" name="password" autocomplete="current-password" required autofocus></label>
<button>Log in</button>
</form>`);
}

/** For who is in. */
export function logoutPage(board: string, action: string): string {
  return document(`<form method="post" action="${action}">
<p>You are logged in to <a href="${board}">the queues</a>.</p>
<button>Log out</button>
</form>`);
}

function document(body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Foretell queues</title>
<style>
body { font: 1rem system-ui, sans-serif; display: grid; place-content: center; min-height: 90vh; color-scheme: light dark; }
form { display: grid; gap: 1rem; }
input, button { font: inherit; padding: 0.4rem; }
</style>
<h1>Foretell queues</h1>
${body}
</html>
`;
}
