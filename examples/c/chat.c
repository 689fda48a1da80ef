/* The README's program: one chat completion. usage: chat [API_BASE] [MODEL] */
#include "mishikallm.h"
#include <stdio.h>

int main(int argc, char **argv)
{
    char request[2048];
    snprintf(request, sizeof request,
             "{\"model\":\"triton/%s\",\"api_base\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"who are u?\"}]}",
             argc > 2 ? argv[2] : "llama", argc > 1 ? argv[1] : "http://localhost:8000");
    int32_t status;
    char *answer = mishikallm_completion(NULL, request, &status);
    puts(answer);
    mishikallm_string_free(answer);
    return status != MISHIKALLM_OK;
}
