// An ESME made with Cloudhopper (com.fizzed:ch-smpp): refused with a wrong password, then its operations, right and wrong,
// each answered in time, and the receipts.
import com.cloudhopper.commons.util.windowing.WindowFuture;
import com.cloudhopper.smpp.*;
import com.cloudhopper.smpp.impl.*;
import com.cloudhopper.smpp.pdu.*;
import com.cloudhopper.smpp.tlv.Tlv;
import com.cloudhopper.smpp.type.*;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

public class CloudhopperClient {
  static final String LATE = "491700009011"; // its receipt comes 10 s late
  static final Address FROM = new Address((byte) 5, (byte) 0, "Verify");
  static final Map<String, String> receipts = new ConcurrentHashMap<>();
  static SmppSession session;

  static void fail(String why) { System.err.println(why); System.exit(1); }

  static Address to(String n) { return new Address((byte) 1, (byte) 1, n); }

  // ask sends a request, and wants an answer of that status within 5 s.
  @SuppressWarnings("unchecked")
  static <T extends PduResponse> T ask(String what, int status, PduRequest pdu) throws Exception {
    WindowFuture<Integer, PduRequest, PduResponse> f = session.sendRequestPdu(pdu, 5000, true);
    if (!f.await() || !f.isSuccess()) fail(what + ": was not answered: " + f.getCause());
    if (f.getResponse().getCommandStatus() != status) fail(what + ": " + f.getResponse());
    return (T) f.getResponse();
  }

  static SubmitSm submit(String n, String text) throws Exception {
    SubmitSm m = new SubmitSm();
    m.setSourceAddress(FROM);
    m.setDestAddress(to(n));
    m.setRegisteredDelivery((byte) 1);
    m.setShortMessage(text.getBytes());
    return m;
  }

  static QuerySm query(String id) {
    QuerySm q = new QuerySm();
    q.setMessageId(id);
    q.setSourceAddress(FROM);
    return q;
  }

  static CancelSm cancel(String id, String n) {
    CancelSm c = new CancelSm();
    c.setMessageId(id);
    c.setSourceAddress(FROM);
    c.setDestAddress(to(n));
    return c;
  }

  static ReplaceSm replace(String id, String text) throws Exception {
    ReplaceSm r = new ReplaceSm();
    r.setMessageId(id);
    r.setSourceAddress(FROM);
    r.setRegisteredDelivery((byte) 1);
    r.setShortMessage(text.getBytes());
    return r;
  }

  static SmppSession bind(String host, int port, String password) throws Exception {
    SmppSessionConfiguration c = new SmppSessionConfiguration();
    c.setType(SmppBindType.TRANSCEIVER);
    c.setHost(host);
    c.setPort(port);
    c.setSystemId("alice");
    c.setPassword(password);
    return new DefaultSmppClient().bind(c, new DefaultSmppSessionHandler() {
      @Override public PduResponse firePduRequestReceived(PduRequest request) {
        if (request instanceof DeliverSm) {
          String text = new String(((DeliverSm) request).getShortMessage());
          receipts.put(text.replaceFirst("^id:(\\S+) .*", "$1"), text);
        }
        return request.createResponse();
      }
    });
  }

  public static void main(String[] args) {
    try {
      talk(args[0], Integer.parseInt(args[1]));
    } catch (Exception e) { // with its threads Cloudhopper would keep the program alive
      e.printStackTrace();
      System.exit(1);
    }
  }

  static void talk(String host, int port) throws Exception {
    try {
      bind(host, port, "wrong");
      fail("bound with a wrong password");
    } catch (SmppBindException e) {
      if (e.getBindResponse().getCommandStatus() != 0x0E) fail("wrong password: " + e);
    }
    session = bind(host, port, "secret");
    ask("enquire_link", 0, new EnquireLink());

    SubmitSmResp plain = ask("submit_sm", 0, submit("491701234567", "Your code is 4711"));
    SubmitSm payload = submit("491701234568", "");
    payload.addOptionalParameter(new Tlv((short) 0x0424, new byte[500]));
    ask("message_payload", 0, payload);
    ask("a destination with letters", 0x0B, submit("49abc", "x"));
    SubmitSm wrong = submit("491701234567", "x");
    wrong.setScheduleDeliveryTime("5 minutes");
    ask("a schedule that is no time", 0x61, wrong);
    wrong = submit("491701234567", "x");
    wrong.setValidityPeriod("261301000000000+");
    ask("a validity in month 13", 0x62, wrong);
    wrong = submit("491701234567", "x");
    wrong.setServiceType("TOOLONG");
    ask("a service_type that is too long", 0x15, wrong);
    wrong = submit("491701234567", "x");
    wrong.addOptionalParameter(new Tlv((short) 0x0204, new byte[3]));
    ask("a TLV of a wrong size", 0xC2, wrong);

    SubmitSmResp late = ask("submit_sm, late", 0, submit(LATE, "first text 4712"));
    QuerySmResp state = ask("query_sm", 0, query(late.getMessageId()));
    if (state.getMessageState() != 1) fail("a message that is not delivered yet has state " + state.getMessageState());
    ask("query of nothing", 0x67, query("999"));
    ask("replace of nothing", 0x0C, replace("999", "x"));
    ask("replace_sm", 0, replace(late.getMessageId(), "replaced 4713"));
    ask("cancel of nothing", 0x0C, cancel("999", LATE));
    ask("cancel with another destination", 0x11, cancel(late.getMessageId(), "491700000000"));
    ask("cancel_sm", 0, cancel(late.getMessageId(), LATE));
    ask("cancel for the second time", 0x11, cancel(late.getMessageId(), LATE));

    SubmitSm scheduled = submit("491701234569", "scheduled 4714");
    scheduled.setScheduleDeliveryTime("000000000001000R");
    ask("a schedule", 0, scheduled);
    for (int status : new int[] {0, 0x0B}) {
      DataSm data = new DataSm();
      data.setSourceAddress(FROM);
      data.setDestAddress(to(status == 0 ? "491701234570" : "49abc"));
      data.addOptionalParameter(new Tlv((short) 0x0424, "by data 4715".getBytes()));
      ask("data_sm", status, data);
    }
    ask("it lives on", 0, new EnquireLink());

    long end = System.nanoTime() + 15_000_000_000L;
    while (!(receipts.containsKey(plain.getMessageId()) && receipts.containsKey(late.getMessageId()))) {
      if (System.nanoTime() > end) fail("receipts of " + receipts.keySet());
      Thread.sleep(20);
    }
    if (!receipts.get(plain.getMessageId()).contains("stat:DELIVRD") || !receipts.get(late.getMessageId()).endsWith("text:replaced 4713"))
      fail("receipts " + receipts);
    session.unbind(5000);
    System.out.println("done");
    System.exit(0);
  }
}
