// Confirms a booking, says how it stands, and shows what the law says to a newsletter.
//
//     GATEWAY_URL=http://127.0.0.1:8080 GATEWAY_KEY=gk_… node example.mjs ana@example.org 4711
import { createGateway } from "./dist/index.js";

const [to, booking] = process.argv.slice(2);
const gateway = createGateway(process.env.GATEWAY_KEY, process.env.GATEWAY_URL);
const letter = { channel: "email", to, subject: `Your booking ${booking}`, text: "Your booking is confirmed." };

const sent = await gateway.POST("/communications/messages/send", {
  body: { ...letter, class: "transactional", category: "booking", reference: booking },
});
if (sent.error) throw new Error(sent.error.detail);
const message = await gateway.GET("/communications/messages/{id}", { params: { path: { id: sent.data.id } } });
console.log(`${sent.data.id} for ${message.data.reference}`);

const news = await gateway.POST("/communications/messages/send", { body: { ...letter, class: "marketing" } });
console.log(news.error ? `refused: ${news.error.hint}` : "sent");
