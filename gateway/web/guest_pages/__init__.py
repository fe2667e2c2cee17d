"""What a guest sees behind the links in his messages: no script, no cookie, no address in clear. GET shows, only POST
acts."""

from gateway.web.guest_pages import unsubscribe

ROUTES = (unsubscribe.routes,)
