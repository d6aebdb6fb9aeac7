import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.OauthApi;
import org.openapitools.client.api.RecordsApi;
import org.openapitools.client.api.SubscriptionsApi;
import org.openapitools.client.model.PageView;
import org.openapitools.client.model.RecordView;
import org.openapitools.client.model.RewindBody;
import org.openapitools.client.model.SubscriptionState;
import org.openapitools.client.model.SubscriptionView;
import org.openapitools.client.model.To;

/**
 * A department's program with the client of openapi-generator: a token, then every page of each
 * subscription that may be pulled, to the end. It tells one line of JSON.
 */
public final class Pull {
  private static final int LIMIT = 5000;
  private static final int SUBSCRIPTIONS = 200;

  private static ApiClient authorized(String authorization) {
    ApiClient client = new ApiClient();
    client.updateBaseUri(System.getenv("SHUYUAN_BASE_URL"));
    client.setRequestInterceptor(request -> request.header("Authorization", authorization));
    return client;
  }

  private static String token() throws ApiException {
    String known = System.getenv("SHUYUAN_CLIENT_ID") + ":" + System.getenv("SHUYUAN_CLIENT_SECRET");
    String basic = "Basic " + Base64.getEncoder().encodeToString(known.getBytes());
    return new OauthApi(authorized(basic))
        .getToken("client_credentials", null, null, null, null, null, null, null, null, null, null)
        .getAccessToken();
  }

  private static Map<String, Object> pulled(RecordsApi records, String id) throws ApiException {
    String cursor = records.rewindSubscription(id, new RewindBody().to(new To("earliest"))).getCursor();
    int count = 0;
    int pages = 0;
    while (true) {
      PageView page = records.pullRecords(id, cursor, LIMIT, BigDecimal.ZERO);
      if (page.getItems().isEmpty()) {
        break;
      }
      for (RecordView each : page.getItems()) {
        if (each.getKey().isEmpty() || each.getOp() == null) {
          throw new IllegalStateException("no record");
        }
      }
      count += page.getItems().size();
      pages += 1;
      cursor = page.getNextCursor();
    }
    Map<String, Object> told = new LinkedHashMap<>();
    told.put("id", id);
    told.put("records", count);
    told.put("pages", pages);
    return told;
  }

  /** Exit with 1 where the platform refuses. */
  public static void main(String[] arguments) throws Exception {
    ApiClient client = authorized("Bearer " + token());
    RecordsApi records = new RecordsApi(client);
    List<Map<String, Object>> found = new ArrayList<>();
    for (SubscriptionView each : new SubscriptionsApi(client)
        .listSubscriptions(null, SubscriptionState.ACTIVE, null, null, SUBSCRIPTIONS, null)
        .getItems()) {
      if (each.getMode().equals("pull")) {
        found.add(pulled(records, each.getId()));
      }
    }
    System.out.println(ApiClient.createDefaultObjectMapper().writeValueAsString(found));
  }
}
