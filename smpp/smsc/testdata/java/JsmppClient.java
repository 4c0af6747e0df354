// An ESME made with jSMPP: refused with a wrong password, then every operation, right and wrong, and the receipts.
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jsmpp.GenericNackResponseException;
import org.jsmpp.bean.*;
import org.jsmpp.extra.NegativeResponseException;
import org.jsmpp.extra.ProcessRequestException;
import org.jsmpp.session.*;

public class JsmppClient {
  static final String LATE = "491700009011"; // its receipt comes 10 s late
  static SMPPSession session;

  interface Step { void run() throws Exception; }

  static void fail(String why) { System.err.println(why); System.exit(1); }

  // refused wants a step to be answered with that command_status.
  static void refused(String what, int status, Step step) throws Exception {
    try {
      step.run();
      fail(what + ": was taken");
    } catch (NegativeResponseException e) {
      if (e.getCommandStatus() != status) fail(what + ": " + Integer.toHexString(e.getCommandStatus()));
    }
  }

  static String submit(String to, byte[] text, String schedule, OptionalParameter... tlvs) throws Exception {
    return session.submitShortMessage("", TypeOfNumber.ALPHANUMERIC, NumberingPlanIndicator.UNKNOWN, "Verify",
        TypeOfNumber.INTERNATIONAL, NumberingPlanIndicator.ISDN, to, new ESMClass(), (byte) 0, (byte) 0, schedule, null,
        new RegisteredDelivery(SMSCDeliveryReceipt.SUCCESS_FAILURE), (byte) 0, new GeneralDataCoding(Alphabet.ALPHA_DEFAULT), (byte) 0,
        text, tlvs).getMessageId();
  }

  static void cancel(String id, String to) throws Exception {
    session.cancelShortMessage("", id, TypeOfNumber.ALPHANUMERIC, NumberingPlanIndicator.UNKNOWN, "Verify",
        TypeOfNumber.INTERNATIONAL, NumberingPlanIndicator.ISDN, to);
  }

  static QuerySmResult query(String id) throws Exception {
    return session.queryShortMessage(id, TypeOfNumber.ALPHANUMERIC, NumberingPlanIndicator.UNKNOWN, "Verify");
  }

  static void replace(String id, String text) throws Exception {
    session.replaceShortMessage(id, TypeOfNumber.ALPHANUMERIC, NumberingPlanIndicator.UNKNOWN, "Verify", null, null,
        new RegisteredDelivery(SMSCDeliveryReceipt.SUCCESS_FAILURE), (byte) 0, text.getBytes());
  }

  public static void main(String[] args) {
    try {
      talk(args[0], Integer.parseInt(args[1]));
    } catch (Exception e) { // with its threads jSMPP would keep the program alive
      e.printStackTrace();
      System.exit(1);
    }
  }

  static void talk(String host, int port) throws Exception {
    Map<String, String> receipts = new ConcurrentHashMap<>();
    session = new SMPPSession();
    session.setTransactionTimer(5000);
    try {
      session.connectAndBind(host, port, new BindParameter(BindType.BIND_TRX, "alice", "wrong", "", TypeOfNumber.UNKNOWN, NumberingPlanIndicator.UNKNOWN, null));
      fail("bound with a wrong password");
    } catch (java.io.IOException e) {
      if (!(e.getCause() instanceof NegativeResponseException)) fail("wrong password: " + e);
    }
    session = new SMPPSession();
    session.setTransactionTimer(5000);
    session.setMessageReceiverListener(new MessageReceiverListener() {
      public void onAcceptDeliverSm(DeliverSm pdu) throws ProcessRequestException {
        String text = new String(pdu.getShortMessage());
        receipts.put(text.replaceFirst("^id:(\\S+) .*", "$1"), text);
      }
      public void onAcceptAlertNotification(AlertNotification pdu) {}
      public DataSmResult onAcceptDataSm(DataSm pdu, Session source) throws ProcessRequestException { return null; }
    });
    session.connectAndBind(host, port, new BindParameter(BindType.BIND_TRX, "alice", "secret", "", TypeOfNumber.UNKNOWN, NumberingPlanIndicator.UNKNOWN, null));

    String plain = submit("491701234567", "Your code is 4711".getBytes(), null);
    submit("491701234568", new byte[0], null, new OptionalParameter.Message_payload(new byte[500]));
    refused("a destination with letters", 0x0B, () -> submit("49abc", "x".getBytes(), null));
    refused("ESME_RINVDSTADR by a magic number", 0x0B, () -> submit("491700009006", "x".getBytes(), null));
    try {
      submit("491700009024", "x".getBytes(), null);
      fail("a magic number's generic_nack: was taken");
    } catch (GenericNackResponseException e) {
      // as it should be
    }

    String late = submit(LATE, "first text 4712".getBytes(), null);
    if (query(late).getMessageState() != MessageState.ENROUTE) fail("a message that is not delivered yet is not ENROUTE");
    refused("query of nothing", 0x67, () -> query("999"));
    refused("replace of nothing", 0x0C, () -> replace("999", "x"));
    replace(late, "replaced 4713");
    refused("cancel of nothing", 0x0C, () -> cancel("999", LATE));
    refused("cancel with another destination", 0x11, () -> cancel(late, "491700000000"));
    cancel(late, LATE);
    if (query(late).getMessageState() != MessageState.DELETED) fail("a message that was cancelled is not DELETED");
    refused("cancel for the second time", 0x11, () -> cancel(late, LATE));

    submit("491701234569", "scheduled 4714".getBytes(), "000000000001000R");
    DataSmResult data = session.dataShortMessage("", TypeOfNumber.ALPHANUMERIC, NumberingPlanIndicator.UNKNOWN, "Verify",
        TypeOfNumber.INTERNATIONAL, NumberingPlanIndicator.ISDN, "491701234570", new ESMClass(),
        new RegisteredDelivery(SMSCDeliveryReceipt.SUCCESS_FAILURE), new GeneralDataCoding(Alphabet.ALPHA_DEFAULT),
        new OptionalParameter.Message_payload("by data 4715".getBytes()));
    refused("data_sm with letters", 0x0B, () -> session.dataShortMessage("", TypeOfNumber.ALPHANUMERIC, NumberingPlanIndicator.UNKNOWN, "Verify",
        TypeOfNumber.INTERNATIONAL, NumberingPlanIndicator.ISDN, "49abc", new ESMClass(), new RegisteredDelivery(0),
        new GeneralDataCoding(Alphabet.ALPHA_DEFAULT), new OptionalParameter.Message_payload("x".getBytes())));
    SubmitMultiResult multi = session.submitMultiple("", TypeOfNumber.ALPHANUMERIC, NumberingPlanIndicator.UNKNOWN, "Verify",
        new Address[] {new Address(TypeOfNumber.INTERNATIONAL, NumberingPlanIndicator.ISDN, "491701234571"),
            new Address(TypeOfNumber.INTERNATIONAL, NumberingPlanIndicator.ISDN, "49abc")},
        new ESMClass(), (byte) 0, (byte) 0, null, null, new RegisteredDelivery(0), ReplaceIfPresentFlag.DEFAULT,
        new GeneralDataCoding(Alphabet.ALPHA_DEFAULT), (byte) 0, "to two 4716".getBytes());
    UnsuccessDelivery[] not = multi.getUnsuccessDeliveries();
    if (not.length != 1 || not[0].getErrorStatusCode() != 0x0B) fail("submit_multi: " + multi);

    long end = System.nanoTime() + 15_000_000_000L;
    while (!(receipts.containsKey(plain) && receipts.containsKey(data.getMessageId()) && receipts.containsKey(late))) {
      if (System.nanoTime() > end) fail("receipts of " + receipts.keySet());
      Thread.sleep(20);
    }
    if (!receipts.get(plain).contains("stat:DELIVRD") || !receipts.get(late).contains("stat:DELETED") || !receipts.get(late).endsWith("text:replaced 4713"))
      fail("receipts " + receipts);
    session.unbindAndClose();
    System.out.println("done");
    System.exit(0);
  }
}
