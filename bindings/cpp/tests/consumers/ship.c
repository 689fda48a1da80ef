#include <mishikallm.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    int32_t status;
    char *answer = mishikallm_completion(NULL,
        "{\"model\":\"triton/m\",\"api_base\":\"http://127.0.0.1:1\",\"mock_response\":\"a ship\","
        "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", &status);
    int found = strstr(answer, "a ship") != NULL;
    mishikallm_string_free(answer);
    printf("%s %s\n", found ? "a ship" : "nothing", mishikallm_version());
    return status == MISHIKALLM_OK && found ? 0 : 1;
}
