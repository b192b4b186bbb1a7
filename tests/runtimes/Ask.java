import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

class Ask {
    static int ask(String url) throws Exception {
        return HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.discarding()).statusCode();
    }

    public static void main(String[] words) throws Exception {
        System.out.println(ask("https://api.aimlapi.com/v1/models"));
        try {
            ask("https://example.com");
        } catch (java.io.IOException error) {
            System.out.println("refused");
        }
        Thread.sleep(4000);
    }
}
