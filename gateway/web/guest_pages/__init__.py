"""What a guest sees behind the links in his messages: no script, no cookie, no address in clear. GET shows, only POST
acts."""

from gateway.web.guest_pages import my_data, unsubscribe

ROUTES = (unsubscribe.routes, my_data.routes)
