"""What a guest sees behind the links in his messages: no script, no cookie, no address in clear. GET shows, only POST
acts."""

from gateway.web.guest_pages import confirm, receipt, unsubscribe

ROUTES = (unsubscribe.routes, confirm.routes, receipt.routes)
